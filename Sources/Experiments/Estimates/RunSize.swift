import Metrics
import Search

/// What determines the time of a run's step and the size of its files.
///
/// Runs of one size take equally long per step on the same machine, but for the noise: rates, coefficients that are
/// not zero and seeds don't matter.
public struct RunSize: Sendable, Hashable {
    private let batchSize: Int
    private let subcomponents: Int
    private let gateNeurons: Int
    private let maskSamples: Int
    private let modulePatterns: [String]
    private let sigmoid: SigmoidType
    private let outputLoss: OutputLossType
    /// Which losses are trained on.
    private let losses: Set<LossTerm>
    /// How many rows hold an active feature: the logarithm of their share to the base 1.2, so sizes that are
    /// nearly alike are one.
    private let activity: Int?
    private let target: Target
    /// The tokens of a row of a language model's batch.
    private let length: Int?

    private enum Target: Hashable {
        case shaped(kind: String, [[Int]])
        case described(String)
    }

    /// Roughly how much a step has to compute, in arbitrary units, to compare sizes of one experiment.
    public let work: Double

    /// The size of a run.
    ///
    /// - Parameters:
    ///   - config: What it computes.
    ///   - target: How its target is trained, if that is known.
    public init(_ config: ExperimentConfig, target: TargetConfig?) {
        batchSize = config.batchSize
        subcomponents = config.C
        gateNeurons = config.nCIMLPNeurons
        maskSamples = config.nMaskSamples
        modulePatterns = config.targetModulePatterns
        sigmoid = config.sigmoidType
        outputLoss = config.outputLossType
        let trained = Set(LossTerm.allCases.filter { config.coefficient(of: $0) ?? 0 != 0 })
        losses = trained
        self.target =
            if let target {
                .shaped(kind: target.kind.name, target.training.tensors.map(\.shape))
            } else {
                .described(config.target?.description ?? "")
            }
        length = config.taskConfig.text?.maxSeqLen
        let features = target?.training.featureCount ?? 1
        let live = config.taskConfig.sparseFeatures.map { $0.liveRows(features: features) }
        let base = Elementary.log(1.2)
        activity = live.map { Int((Elementary.log(max($0, 1e-9)) / base).rounded()) }

        let modules = Double(target.map { config.decomposedModules(of: $0).count } ?? 2)
        let samples = config.nMaskSamples
        let passes = trained.reduce(0) { $0 + $1.passes(maskSamples: samples) }
        let perRow = Double(gateNeurons + 4) + 8 * Double(passes)
        let share = activity.map { Elementary.exp(Double($0) * base) } ?? 1
        work = Double(batchSize) * share * Double(subcomponents) * modules * perRow
    }
}

extension SparseFeaturesConfig {
    /// The share of rows in which any feature is active, on average.
    fileprivate func liveRows(features: Int) -> Double {
        guard dataGenerationType.activeFeatures == nil else { return 1 }
        var empty = 1.0
        for _ in 0..<features { empty *= 1 - featureProbability }
        return 1 - empty
    }
}

extension LossTerm {
    /// How many forward and backward passes of the whole target it takes.
    func passes(maskSamples: Int) -> Int {
        switch self {
        case .recon, .outputRecon, .reconLayerwise: 1
        case .stochasticRecon, .stochasticReconLayerwise: maskSamples
        case .faithfulness, .importanceMinimality, .schatten, .embeddingRecon: 0
        }
    }
}
