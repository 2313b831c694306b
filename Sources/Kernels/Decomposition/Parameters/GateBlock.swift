internal import CKernels
import Metrics

/// A module's share of some rows on the way through its gates: blocks (C, rows).
struct GateBlock {
    /// a = V x, x the module's input in the unmodified target, and its gradient.
    let inner: Floats
    let dInner: Floats
    /// g, what the gates make of it.
    let gate: Floats
    /// The gradient of the causal importances that masks see.
    let dci: Floats
    /// How many rows each row stands for (rows).
    let weight: Floats

    /// Room for what the importance losses of some subcomponents need.
    struct Scratch {
        let ci: Floats
        let ciUpper: Floats
        let dciUpper: Floats
        let dGate: Floats

        /// The same room from an element on.
        func from(_ place: Int) -> Scratch {
            Scratch(ci: ci + place, ciUpper: ciUpper + place, dciUpper: dciUpper + place, dGate: dGate + place)
        }
    }
}

extension Gates {
    /// The importance losses of a module, and the way of all gradients of its causal importances back through its gates, for
    /// some subcomponents.
    ///
    /// `importance` and `schatten` (C) grow by the weighted sums of ci_upper^p; `perRow` is what a row counts in their
    /// means; `squaredNorms` (C) are ||V_c||² + ||U_c||², where the schatten loss asks for them. `scratch` is for nobody else
    /// meanwhile.
    func backwardImportance(
        _ block: GateBlock, _ components: Range<Int>, scratch s: GateBlock.Scratch,
        settings: DecompositionSettings, perRow: Float, squaredNorms: Floats,
        importance: UnsafeMutablePointer<Double>, schatten: UnsafeMutablePointer<Double>,
        fits: UnsafeMutablePointer<ck_fit>?, parameters: Floats, gradients: Floats, rows: Int
    ) {
        let sigmoid = settings.sigmoid.code
        // Some subcomponents at a time: what is between the losses and the gates does not leave the first-level cache.
        forEachBlock(of: components, rows: rows) { components in
            let (first, place, count) = (
                components.lowerBound, components.lowerBound * rows, components.count * rows
            )
            ck_importance_forward(s.ci, s.ciUpper, block.gate + place, sigmoid, count)
            ck_power_sum(
                importance + first, s.dciUpper, s.ciUpper, block.weight, nil,
                (settings.coefficients[.importanceMinimality] ?? 0) * perRow, 1e-12, settings.pnorm, 0,
                components.count, rows)
            if let coefficient = settings.coefficients[.schatten] {
                ck_power_sum(
                    schatten + first, s.dciUpper, s.ciUpper, block.weight, squaredNorms + first, coefficient * perRow,
                    0, settings.pnorm, 1, components.count, rows)
            }
            ck_importance_backward(s.dGate, block.dci + place, s.dciUpper, block.gate + place, sigmoid, count)
            backward(
                components, da: block.dInner + place, gradients: gradients, dg: s.dGate, a: block.inner + place,
                fits: fits, parameters: parameters, rows: rows)
        }
    }
}
