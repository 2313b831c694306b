import Metrics
import UserMetrics

/// About how many bytes a run's folder holds, according to its config; within a factor of two.
public struct DiskUse: Sendable, Equatable {
    /// Weights, metrics, figures and logs, which stay.
    public let kept: Int
    /// The saved states while the run is not done: the last two, and one that is being written.
    public let checkpoints: Int

    /// Estimates a run's files.
    ///
    /// - Parameters:
    ///   - config: What it computes.
    ///   - target: How its target is trained.
    ///   - isTracked: Whether rows are kept for Weights & Biases too.
    public init(_ config: ExperimentConfig, target: TargetConfig, isTracked: Bool) {
        let modules = config.decomposedModules(of: target)
        let gate = config.nCIMLPNeurons == 0 ? 2 : 3 * config.nCIMLPNeurons + 1
        // Sizes are only known to be below 2^31 each; what no disk holds need not be exact.
        let exact = modules.reduce(0) { $0 + Double(config.C) * Double($1.inputs + $1.outputs + gate) }
        let trained = Int(min(exact, 0x1p50))
        // Besides the numbers, each file names its tensors, a hundred bytes for each.
        let model = 4 * (trained + target.parameterCount) + 600 * modules.count + 400
        let models = 1 + (config.saveFreq.map { max(0, config.steps - 1) / $0 } ?? 0)

        let losses = LossTerm.allCases.count { config.coefficient(of: $0) != nil }
        // Step, rate, total, gradient norm, two measures of recovery; of each module two; the user's own.
        let own = config.userMetrics.reduce(0) { $0 + ($1.pattern == nil ? 1 : modules.count) }
        let values = losses + 6 + 2 * modules.count + own
        let rows = 1 + (config.steps + config.printFreq - 1) / config.printFreq
        // A number with its name is 34 bytes, and takes as much again in what is kept for W&B.
        let isTracked = isTracked && config.wandbProject != nil
        let metrics = rows * values * (isTracked ? 80 : 34)

        let perFigures = Double(Self.figures(config, modules, features: target.training.featureCount))
        let bytes = Double(models) * Double(model) + Double(metrics) + Double(config.figureSets()) * perFigures + 4000
        kept = Int(min(bytes, 0x1p61))
        checkpoints = 3 * 12 * trained
    }

    /// About how many bytes one step's figures take: each panel its frame and words; each cell of a heat map its pixels
    /// and, next to the picture, its number.
    private static func figures(
        _ config: ExperimentConfig, _ modules: [TargetConfig.Module], features: Int?
    ) -> Int {
        // Two histograms of a module and its activations.
        let charts = 27_000
        func map(_ rows: Int) -> Int { 6_500 + 5 * min(config.C, 1 << 20) * min(rows, 1 << 20) }
        // Text with its importances, and what is active at each token.
        let text = 220_000
        guard let features else { return modules.count * (charts + text) }
        return modules.reduce(0) { sum, module in
            sum + charts + 2 * map(features) + map(module.inputs) + map(module.outputs)
        }
    }
}
