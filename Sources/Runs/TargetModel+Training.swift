import Experiments
import Kernels

extension TMSShape {
    init(_ model: Experiments.TMSTraining.Model) {
        self.init(
            features: model.nFeatures, hidden: model.nHidden, hiddenLayers: model.nHiddenLayers,
            tiedWeights: model.tiedWeights)
    }
}

extension ResidualMLPShape {
    init(_ model: Experiments.ResidualMLPTraining.Model) {
        self.init(
            features: model.nFeatures, embedding: model.dEmbed, neurons: model.dMLP, layers: model.nLayers,
            activation: model.actFnName == .gelu ? .gelu : .relu, inBias: model.inBias, outBias: model.outBias
        )
    }
}

extension Kernels.TMSTraining {
    /// The kernels' description of a published train config.
    init(_ config: Experiments.TMSTraining) throws(RunError) {
        let schedule: LearningRate.Schedule =
            switch config.lrSchedule {
            case .linear: .linear
            case .cosine: .cosine
            case .constant, .exponential: .constant
            }
        self.init(
            shape: TMSShape(config.model),
            data: try Kernels.SparseFeatures(
                features: config.model.nFeatures, lowest: 0, probability: config.featureProbability,
                generation: config.dataGenerationType, synced: config.syncedInputs ?? []),
            batchSize: config.batchSize, steps: config.steps,
            learningRate: LearningRate(peak: config.lr, schedule: schedule),
            biasStartsAtZero: config.model.initBiasToZero,
            hiddenLayers: config.fixedIdentityHiddenLayers
                ? .fixedIdentity : config.fixedRandomHiddenLayers ? .fixedRandom : .trained)
    }
}

extension Kernels.ResidualMLPTraining {
    /// The kernels' description of a published train config.
    init(_ config: Experiments.ResidualMLPTraining) throws(RunError) {
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
            data: try Kernels.SparseFeatures(
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
