internal import CKernels

/// A module's gates: one scalar function per subcomponent, from its inner activation to what becomes its causal
/// importance.
///
/// With fits they are interpolated, to float accuracy; without, each row runs through the gate's neurons.
struct Gates {
    let subcomponents: Int
    let neurons: Int
    /// The module's first gate parameter within a block laid out as `ParameterLayout`.
    let offset: Int

    private var weights: Int { subcomponents * neurons }

    /// Fits some of a module's gates, or all, on their intervals, for `rows` rows to come; `fits` are all of the module's.
    func fit(
        _ fits: UnsafeMutablePointer<ck_fit>, _ components: Range<Int>? = nil, parameters: Floats, rows: Int
    ) {
        let components = components ?? 0..<subcomponents
        let (p, first) = (parameters + offset, components.lowerBound * neurons)
        ck_fit_gates(
            fits + components.lowerBound, p + first, p + weights + first, p + 2 * weights + first,
            p + 3 * weights + components.lowerBound, components.count, neurons, rows)
    }

    /// Adds what the rows' gradients came to on the fits' nodes, for some of a module's gates or all.
    func fold(
        _ fits: UnsafeMutablePointer<ck_fit>, _ components: Range<Int>? = nil, parameters: Floats, gradients: Floats
    ) {
        let components = components ?? 0..<subcomponents
        let (p, d, first) = (parameters + offset, gradients + offset, components.lowerBound * neurons)
        ck_fold_fits(
            fits + components.lowerBound, d + first, d + weights + first, d + 2 * weights + first,
            d + 3 * weights + components.lowerBound, p + first, p + weights + first, p + 2 * weights + first,
            components.count, neurons)
    }

    /// Writes g (C, rows) for the inner activations a (C, rows).
    func forward(
        _ g: Floats, a: Floats, fits: UnsafeMutablePointer<ck_fit>?, parameters: Floats, rows: Int
    ) {
        let p = parameters + offset
        if neurons == 0 {
            ck_linear_gate_forward(g, a, p, p + subcomponents, subcomponents, rows)
        } else if let fits {
            ck_fitted_gate_forward(
                g, a, fits, p, p + weights, p + 2 * weights, p + 3 * weights, subcomponents, rows, neurons)
        } else {
            ck_gate_forward(
                g, a, p, p + weights, p + 2 * weights, p + 3 * weights, subcomponents, rows, neurons)
        }
    }

    /// Adds to da (C, rows) and to the parameters' gradients, which are laid out like the parameters.
    func backward(
        da: Floats, gradients: Floats, dg: Floats, a: Floats, fits: UnsafeMutablePointer<ck_fit>?, parameters: Floats,
        rows: Int
    ) {
        let (p, d) = (parameters + offset, gradients + offset)
        if neurons == 0 {
            ck_linear_gate_backward(da, d, d + subcomponents, dg, a, p, subcomponents, rows)
        } else if let fits {
            ck_fitted_gate_backward(
                da, fits, d, d + weights, d + 2 * weights, d + 3 * weights, dg, a, p, p + weights, p + 2 * weights,
                subcomponents, rows, neurons)
        } else {
            ck_gate_backward(
                da, d, d + weights, d + 2 * weights, d + 3 * weights, dg, a, p, p + weights, p + 2 * weights,
                subcomponents, rows, neurons)
        }
    }
}
