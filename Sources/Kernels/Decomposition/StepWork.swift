/// What one step has to compute, counted from its shapes.
///
/// Counted is what no exact method can leave out: products in their cheapest order, one evaluation of each gate on each
/// row that is not empty, softmaxes' exponentials. Elementwise work besides these (masks, random numbers, Adam) is not.
public struct StepWork: Equatable, Sendable {
    /// Rows whose activations are not all zero, on average.
    public var liveRows: Double
    /// Gate neurons as the method is written: rows × modules × C × N.
    public var gateNeurons: Double
    /// Gate neurons of the live rows.
    public var liveGateNeurons: Double
    /// Floating-point operations of the matrix products, forward and backward.
    public var productFlops: Double
    /// Exponentials of softmaxes, forward and backward.
    public var exponentials = 0.0
}

/// Multiply-adds of a step's products: once a step, and for each row that is not empty.
struct StepProducts {
    var perStep = 0
    var perRow = 0

    /// Which modules a masked run replaces: all, or one.
    typealias Replaced = (Int) -> Bool

    /// Every masked run that is trained on.
    static func runs(_ settings: DecompositionSettings, modules: Int) -> [Replaced] {
        MaskedRun.all(settings.coefficients, samples: settings.maskSamples, modules: modules)
            .filter { $0.coefficient != 0 }.map { run in { run.replaced.contains($0) } }
    }
}

extension FeatureDecomposition {
    /// What a step has to compute, on average over batches.
    ///
    /// All modules of the target are taken to be decomposed, as in the published experiments.
    public var work: StepWork {
        let perRow = Double(modules.count * settings.subcomponents * settings.gateNeurons)
        let liveRows = data.activeRows * Double(settings.batchSize)
        let products = target.target.products(settings)
        // A multiplication and an addition each; ||W - (V U)ᵀ||² is one product forward and two backward.
        let faithfulness = modules.reduce(0) { $0 + 3 * $1.inputs * $1.outputs * settings.subcomponents }
        return StepWork(
            liveRows: liveRows, gateNeurons: Double(settings.batchSize) * perRow, liveGateNeurons: liveRows * perRow,
            productFlops: 2 * (Double(products.perStep + faithfulness) + liveRows * Double(products.perRow)))
    }
}
