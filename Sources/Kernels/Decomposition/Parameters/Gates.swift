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

    /// Fits some of a module's gates, or all, on their intervals, for `rows` rows to come; `fits` and `intervals` are all of
    /// the module's.
    func fit(
        _ fits: UnsafeMutablePointer<ck_fit>, on intervals: UnsafePointer<ck_interval>, _ components: Range<Int>? = nil,
        parameters: Floats, rows: Int
    ) {
        let components = components ?? 0..<subcomponents
        let (p, first) = (parameters + offset, components.lowerBound * neurons)
        ck_fit_gates(
            fits + components.lowerBound, intervals + components.lowerBound, p + first, p + weights + first,
            p + 2 * weights + first, p + 3 * weights + components.lowerBound, components.count, neurons, rows)
    }

    /// The same on what the inner activations a (C, rows) span.
    func fit(
        _ fits: UnsafeMutablePointer<ck_fit>, to a: Floats, _ components: Range<Int>? = nil, parameters: Floats,
        rows: Int
    ) {
        let components = components ?? 0..<subcomponents
        let (first, count) = (components.lowerBound, components.count)
        withUnsafeTemporaryAllocation(of: ck_interval.self, capacity: count) { buffer in
            guard let intervals = buffer.baseAddress else { return }
            ck_reset_intervals(intervals, count)
            ck_widen_intervals(intervals, a + first * rows, count, rows)
            fit(fits, on: intervals - first, components, parameters: parameters, rows: rows)
        }
    }

    /// Adds the rows' gradients on the fits' nodes, for some of a module's gates or all.
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

    /// Runs `body` on a few of some subcomponents after another, so few that the first-level cache holds their rows several
    /// times.
    func forEachBlock(of components: Range<Int>? = nil, rows: Int, _ body: (_ components: Range<Int>) -> Void) {
        let (all, each) = (components ?? 0..<subcomponents, max(1, 512 / max(rows, 1)))
        for first in stride(from: all.lowerBound, to: all.upperBound, by: each) {
            body(first..<min(first + each, all.upperBound))
        }
    }

    /// Writes g (C, rows) for the inner activations a (C, rows), and the causal importances that masks see: of some
    /// subcomponents or all.
    ///
    /// `ciUpper` is room for what importance losses see.
    func forward(
        _ g: Floats, _ components: Range<Int>? = nil, ci: Floats, ciUpper: Floats, sigmoid: Sigmoid, a: Floats,
        fits: UnsafeMutablePointer<ck_fit>?, parameters: Floats, rows: Int
    ) {
        forEachBlock(of: components, rows: rows) { components in
            let place = components.lowerBound * rows
            forward(components, g + place, a: a + place, fits: fits, parameters: parameters, rows: rows)
            ck_importance_forward(ci + place, ciUpper, g + place, sigmoid.code, components.count * rows)
        }
    }

    /// Writes g for the inner activations a of some subcomponents, `fits` being all of the module's.
    private func forward(
        _ components: Range<Int>, _ g: Floats, a: Floats, fits: UnsafeMutablePointer<ck_fit>?, parameters: Floats,
        rows: Int
    ) {
        let (first, count) = (components.lowerBound, components.count)
        let p = parameters + offset + first * neurons
        let last = parameters + offset + 3 * weights + first
        if neurons == 0 {
            let p = parameters + offset + first
            ck_linear_gate_forward(g, a, p, p + subcomponents, count, rows)
        } else if let fits {
            ck_fitted_gate_forward(g, a, fits + first, p, p + weights, p + 2 * weights, last, count, rows, neurons)
        } else {
            ck_gate_forward(g, a, p, p + weights, p + 2 * weights, last, count, rows, neurons)
        }
    }

    /// Adds to da of some subcomponents and to the parameters' gradients, which are laid out like the parameters.
    func backward(
        _ components: Range<Int>, da: Floats, gradients: Floats, dg: Floats, a: Floats,
        fits: UnsafeMutablePointer<ck_fit>?, parameters: Floats, rows: Int
    ) {
        let (first, count) = (components.lowerBound, components.count)
        let (p, d) = (parameters + offset + first * neurons, gradients + offset + first * neurons)
        let last = gradients + offset + 3 * weights + first
        if neurons == 0 {
            let (p, d) = (parameters + offset + first, gradients + offset + first)
            ck_linear_gate_backward(da, d, d + subcomponents, dg, a, p, count, rows)
        } else if let fits {
            ck_fitted_gate_backward(
                da, fits + first, d, d + weights, d + 2 * weights, last, dg, a, p, p + weights, p + 2 * weights, count,
                rows, neurons)
        } else {
            ck_gate_backward(
                da, d, d + weights, d + 2 * weights, last, dg, a, p, p + weights, p + 2 * weights, count, rows, neurons)
        }
    }
}
