import Metrics

/// About how much memory a run takes at its worst moment, according to its config: what is sure to be allocated, so a
/// run that is reported not to fit does not.
public struct MemoryUse: Sendable, Equatable {
    /// The whole of it, with the program.
    public let bytes: Int

    /// Estimates a run's memory.
    ///
    /// - Parameters:
    ///   - config: What it computes.
    ///   - target: How its target is trained.
    ///   - threads: Threads per step, each of which works on its own tile.
    public init(_ config: ExperimentConfig, target: TargetConfig, threads: Int) {
        // In numbers that cannot overflow: sizes are only known to be below 2^31 each.
        let modules = config.decomposedModules(of: target)
        let c = Double(config.C)
        let features = Double(target.training.featureCount ?? 0)
        let gate = config.nCIMLPNeurons == 0 ? 2 : 3 * Double(config.nCIMLPNeurons) + 1
        let gates = Double(modules.count) * c * gate
        let vectors = modules.reduce(0) { $0 + c * (Double($1.inputs) + Double($1.outputs)) }
        let trained = vectors + gates
        let weights = modules.reduce(0) { $0 + Double($1.inputs) * Double($1.outputs) }
        // A step's sums reach no further than from the features to the features, past what is between. Each masked run
        // that adds to a module adds to its own sum.
        let sums = modules.reduce(0) { sum, module in
            sum + c * (min(Double(module.inputs), features) + min(Double(module.outputs), features))
        }
        let logged = LossTerm.allCases.filter { config.coefficient(of: $0) != nil }
        let runs = logged.reduce(0) { $0 + Double($1.passes(maskSamples: config.nMaskSamples)) }
        // A tile of rows, on which a thread works.
        let rows = min(c <= 64 ? 256 : 128, Double(config.batchSize) + 15)
        let fits = config.nCIMLPNeurons > 0 ? Double(modules.count) * c * Self.floatsPerFit : 0
        let tile = rows * (4 * features + c * (3 + 8 * Double(modules.count))) + fits
        let step = max(1, runs) * sums + gates + fits + 5 * Double(modules.count) * c
        let rowsOfBatch = Double(config.batchSize) * features
        // Parameters, gradients, two moments; and while the state is saved, a copy of all but the gradients.
        let state = (4 + 3) * trained
        let figures =
            !config.hasFigures
            ? 0 : 2 * Double(modules.count) * c * (Double(config.batchSize) + features) + 2 * vectors
        // What the user's metrics and observers look at: a batch's causal importances twice, with a copy in a file, and
        // what is made of them; the vectors; three outputs.
        let isObserved = !config.userMetrics.isEmpty || !config.observers.isEmpty
        let observed =
            isObserved ? 6 * Double(modules.count) * c * Double(config.batchSize) + 2 * vectors + 4 * rowsOfBatch : 0
        let floats =
            observed + state + step + Double(threads) * tile + 4 * rowsOfBatch + 3 * weights + 2
            * Double(target.parameterCount) + figures
        bytes = Int(min(Self.program + 4 * floats, 0x1p62))
    }

    /// The program itself with its libraries, before it has done anything.
    public static let program = 30e6
    /// A gate's interpolant: three series of 48 numbers, and what belongs to them.
    private static let floatsPerFit = 151.0
}
