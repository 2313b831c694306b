internal import CKernels

/// A module's gates: one scalar function per subcomponent, from its inner activation to what becomes its causal importance.
struct Gates {
    let subcomponents: Int
    let neurons: Int
    /// The module's first gate parameter within a block laid out as `ParameterLayout`.
    let offset: Int

    private var weights: Int { subcomponents * neurons }

    /// Writes g (C, rows) for the inner activations a (C, rows).
    func forward(_ g: Floats, a: Floats, parameters: Floats, rows: Int) {
        let p = parameters + offset
        if neurons == 0 {
            ck_linear_gate_forward(g, a, p, p + subcomponents, subcomponents, rows)
        } else {
            ck_gate_forward(
                g, a, p, p + weights, p + 2 * weights, p + 3 * weights, subcomponents, rows, neurons)
        }
    }

    /// Adds to da (C, rows) and to the parameters' gradients, which are laid out like the parameters.
    func backward(da: Floats, gradients: Floats, dg: Floats, a: Floats, parameters: Floats, rows: Int) {
        let (p, d) = (parameters + offset, gradients + offset)
        if neurons == 0 {
            ck_linear_gate_backward(da, d, d + subcomponents, dg, a, p, subcomponents, rows)
        } else {
            ck_gate_backward(
                da, d, d + weights, d + 2 * weights, d + 3 * weights, dg, a, p, p + weights, p + 2 * weights,
                subcomponents, rows, neurons)
        }
    }
}
