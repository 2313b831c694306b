import Experiments
import Kernels

/// Residual MLPs.
enum ResidualMLPRuns: FeatureRunKind {
    static let kind = TargetKind.residualMLP
    static let lowest: Float = -1

    static func target(
        _ weights: StateDict, _ training: ResidualMLPTrainingConfig
    ) throws(KernelError) -> ResidualMLPTarget {
        try ResidualMLPTarget(stateDict: weights, shape: ResidualMLPShape(training.model))
    }

    /// Weights don't reveal the nonlinearity: relu is assumed.
    static func recognise(_ weights: StateDict) throws(KernelError) -> (any AnalysedTarget)? {
        guard let embedding = weights["W_E"], embedding.shape.count == 2, weights["W_U"] != nil,
            let input = weights["layers.0.mlp_in.weight"], input.shape.count == 2
        else { return nil }
        let layers = weights.keys.count { $0.hasPrefix("layers.") && $0.hasSuffix(".mlp_in.weight") }
        let shape = ResidualMLPShape(
            features: embedding.shape[0], embedding: embedding.shape[1], neurons: input.shape[0], layers: layers,
            activation: .relu, inBias: weights["layers.0.mlp_in.bias"] != nil,
            outBias: weights["layers.0.mlp_out.bias"] != nil)
        return try ResidualMLPTarget(stateDict: weights, shape: shape)
    }

    static func givenTraining(ofModel config: String) -> String {
        "{resid_mlp_model_config: \(config), feature_probability: 0.5, batch_size: 1, steps: 1, lr: 1, print_freq: 1}"
    }

    static func train(
        _ training: ResidualMLPTrainingConfig, seed: Int, limits: TrainingLimits?, threads: Int,
        progress: @escaping TargetProgress
    ) throws -> TrainedTarget? {
        var kernel = try ResidualMLPTraining(training)
        if let limits { (kernel.steps, kernel.batchSize) = (limits.steps, limits.batchSize) }
        let steps = kernel.steps
        let coefficients = kernel.labelCoefficients
        return try kernel.train(seed: seed, threads: threads) { progress($0, steps, $1) }.map {
            TrainedTarget(model: .residualMLP($0.target), loss: $0.loss, labelCoefficients: coefficients)
        }
    }
}

extension ResidualMLPShape {
    fileprivate init(_ model: ResidualMLPTrainingConfig.Model) {
        self.init(
            features: model.nFeatures, embedding: model.dEmbed, neurons: model.dMLP, layers: model.nLayers,
            activation: model.actFnName == .gelu ? .gelu : .relu, inBias: model.inBias, outBias: model.outBias
        )
    }
}

extension ResidualMLPTraining {
    /// The kernels' description of a published train config.
    fileprivate init(_ config: ResidualMLPTrainingConfig) throws(RunError) {
        let features = config.model.nFeatures
        let schedule: LearningRate.Schedule =
            switch config.lrSchedule {
            case .linear: .linear
            case .cosine: .raisedCosine
            case .constant, .exponential: .constant
            }
        guard config.lossType == .readoff || config.importanceVal ?? 1 == 1 else {
            throw .invalid(
                "importance_val: loss_type resid compares residual streams, which have no features to weigh; set it to 1"
            )
        }
        self.init(
            shape: ResidualMLPShape(config.model),
            data: try SparseFeatures(
                features: features, lowest: -1, probability: config.featureProbability,
                generation: config.dataGenerationType, synced: config.syncedInputs ?? []),
            batchSize: config.batchSize, steps: config.steps,
            learningRate: LearningRate(peak: config.lr, schedule: schedule),
            embedding: config.fixedRandomEmbedding
                ? .fixedRandom : config.fixedIdentityEmbedding ? .fixedIdentity : .trained,
            labels: config.labelType == .abs ? .abs : .actPlusResid,
            labelCoefficients: config.useTrivialLabelCoeffs
                ? Array(repeating: 1, count: features)
                : Self.labelCoefficients(features: features, seed: config.labelFnSeed),
            loss: config.lossType == .resid ? .resid : .readoff, importance: Float(config.importanceVal ?? 1),
            finalBatches: config.nBatchesFinalLosses)
    }
}
