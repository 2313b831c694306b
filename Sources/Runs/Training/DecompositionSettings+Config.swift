import Experiments
import Kernels
import Metrics

extension DecompositionSettings {
    /// The kernels' settings of a published config.
    ///
    /// - Throws: `RunError.invalid` for what cannot be computed.
    init(_ config: ExperimentConfig) throws(RunError) {
        guard let schedule = LearningRate.Schedule(config) else {
            throw .invalid("lr_exponential_halflife: lr_schedule exponential needs a half-life in steps")
        }
        var coefficients = LossCoefficients(importanceMinimality: Float(config.importanceMinimalityCoeff))
        for term in LossTerm.allCases { coefficients[term] = config.coefficient(of: term).map { Float($0) } }
        let sigmoid: Sigmoid =
            switch config.sigmoidType {
            case .normal: .normal
            case .hard: .hard
            case .leakyHard: .leakyHard
            case .upperLeakyHard: .upperLeakyHard
            case .swishHard: .swishHard
            }
        self.init(
            subcomponents: config.C, maskSamples: config.nMaskSamples, gateNeurons: config.nCIMLPNeurons,
            sigmoid: sigmoid, modulePatterns: config.targetModulePatterns, coefficients: coefficients,
            pnorm: Float(config.pnorm), outputLoss: config.outputLossType == .mse ? .mse : .kl,
            steps: config.steps,
            batchSize: config.batchSize,
            learningRate: LearningRate(
                peak: config.lr, schedule: schedule, warmupFraction: config.lrWarmupPct),
            seed: config.seed)
        judgesEmbeddingsUnembedded = config.isEmbedUnembedRecon
    }
}

extension LearningRate.Schedule {
    fileprivate init?(_ config: ExperimentConfig) {
        switch config.lrSchedule {
        case .constant: self = .constant
        case .linear: self = .linear
        case .cosine: self = .cosine
        case .exponential:
            guard let halflife = config.lrExponentialHalflife else { return nil }
            self = .exponential(halflife: halflife)
        }
    }
}

extension SparseFeatures {
    /// The batches that a task's settings describe.
    ///
    /// - Throws: `RunError.invalid` where there are fewer features than the settings name.
    init(_ task: SparseFeaturesConfig, features: Int, lowest: Float) throws(RunError) {
        try self.init(
            features: features, lowest: lowest, probability: task.featureProbability,
            generation: task.dataGenerationType, synced: task.syncedInputs ?? [])
    }

    /// The batches of a target's training.
    ///
    /// - Throws: `RunError.invalid` where there are fewer features than the settings name.
    init(
        features: Int, lowest: Float, probability: Double, generation: DataGeneration, synced: [[Int]]
    ) throws(RunError) {
        let activity: Activity
        if let count = generation.activeFeatures {
            guard count <= features else {
                throw .invalid(
                    "data_generation_type: \(generation.rawValue) needs more than the target's \(features) features"
                )
            }
            activity = .exactly(count)
        } else {
            activity = .independent(probability: Float(probability))
        }
        if let stranger = synced.joined().first(where: { $0 >= features }) {
            throw .invalid(
                "synced_inputs: there is no feature \(stranger); the target has \(features), from 0")
        }
        self.init(features: features, activity: activity, lowest: lowest, syncedGroups: synced)
    }
}
