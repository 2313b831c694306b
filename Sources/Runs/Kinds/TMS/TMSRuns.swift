import Experiments
import Kernels

/// Toy models of superposition.
enum TMSRuns: FeatureRunKind {
    static let kind = TargetKind.tms
    static let lowest: Float = 0

    static func target(_ weights: StateDict, _ training: TMSTrainingConfig) throws(KernelError) -> TMSTarget {
        try TMSTarget(stateDict: weights, shape: TMSShape(training.model))
    }

    static func recognise(_ weights: StateDict) throws(KernelError) -> (any AnalysedTarget)? {
        guard let first = weights["linear1.weight"], first.shape.count == 2, let second = weights["linear2.weight"]
        else { return nil }
        let layers = weights.keys.count { $0.hasPrefix("hidden_layers.") && $0.hasSuffix(".weight") }
        let shape = TMSShape(
            features: first.shape[1], hidden: first.shape[0], hiddenLayers: layers,
            tiedWeights: second == first.transposed)
        return try TMSTarget(stateDict: weights, shape: shape)
    }

    static func givenTraining(ofModel config: String) -> String {
        "{tms_model_config: \(config), feature_probability: 0.5, batch_size: 1, steps: 1, lr: 1, "
            + "data_generation_type: at_least_zero_active}"
    }

    static func train(
        _ training: TMSTrainingConfig, seed: Int, limits: TrainingLimits?, threads: Int,
        progress: @escaping TargetProgress
    ) throws -> TrainedTarget? {
        var kernel = try TMSTraining(training)
        if let limits { (kernel.steps, kernel.batchSize) = (limits.steps, limits.batchSize) }
        let steps = kernel.steps
        return kernel.train(seed: seed) { progress($0, steps, $1) }.map {
            TrainedTarget(model: .tms($0.target), loss: $0.loss, unrepresented: $0.target.unrepresentedFeatures)
        }
    }
}

extension TMSShape {
    fileprivate init(_ model: TMSTrainingConfig.Model) {
        self.init(
            features: model.nFeatures, hidden: model.nHidden, hiddenLayers: model.nHiddenLayers,
            tiedWeights: model.tiedWeights)
    }
}

extension TMSTraining {
    /// The kernels' description of a published train config.
    fileprivate init(_ config: TMSTrainingConfig) throws(RunError) {
        let schedule: LearningRate.Schedule =
            switch config.lrSchedule {
            case .linear: .linear
            case .cosine: .cosine
            case .constant, .exponential: .constant
            }
        self.init(
            shape: TMSShape(config.model),
            data: try SparseFeatures(
                features: config.model.nFeatures, lowest: 0, probability: config.featureProbability,
                generation: config.dataGenerationType, synced: config.syncedInputs ?? []),
            batchSize: config.batchSize, steps: config.steps,
            learningRate: LearningRate(peak: config.lr, schedule: schedule),
            biasStartsAtZero: config.model.initBiasToZero,
            hiddenLayers: config.fixedIdentityHiddenLayers
                ? .fixedIdentity : config.fixedRandomHiddenLayers ? .fixedRandom : .trained)
    }
}
