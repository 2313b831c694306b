/// How a toy model of superposition is trained, as in the published train config.
public struct TMSTrainingConfig: Sendable, Equatable {
    /// The shape of a toy model of superposition.
    public struct Model: Sendable, Equatable {
        /// Features in and out.
        public internal(set) var nFeatures = 1
        /// The width of the bottleneck.
        public internal(set) var nHidden = 1
        /// Square layers between the two linear ones.
        public internal(set) var nHiddenLayers = 0
        /// Whether the second layer's weight is the first one's, transposed.
        public internal(set) var tiedWeights = false
        /// Whether the output bias starts at zero instead of as a torch Linear's.
        public internal(set) var initBiasToZero = false
        /// Where the published tool trains; read, kept and otherwise ignored.
        public internal(set) var device = "cpu"
    }

    /// The project on Weights & Biases that the published tool logs the training to; kept and otherwise ignored.
    public internal(set) var wandbProject: String?
    /// The model's shape.
    public internal(set) var model = Model()
    /// The probability that a feature is active, from 0 to 1.
    public internal(set) var featureProbability = 0.0
    /// Rows per step.
    public internal(set) var batchSize = 1
    /// Optimiser steps.
    public internal(set) var steps = 1
    /// The first seed to try.
    public internal(set) var seed = 0
    /// The learning rate.
    public internal(set) var lr = 1.0
    /// How the learning rate changes.
    public internal(set) var lrSchedule = LearningRateSchedule.linear
    /// Which features are active in a row.
    public internal(set) var dataGenerationType = DataGeneration.atLeastZeroActive
    /// Whether the hidden layers are the identity and stay it.
    public internal(set) var fixedIdentityHiddenLayers = false
    /// Whether the hidden layers stay as they were drawn.
    public internal(set) var fixedRandomHiddenLayers = false
    /// Disjoint groups of features that are active together.
    public internal(set) var syncedInputs: [[Int]]?
    /// How many seeds are tried at most until every feature is represented.
    public internal(set) var maxSeeds = 32
}

extension TMSTrainingConfig {
    static let modelKey = "tms_model_config"

    static let fields: [Field<TMSTrainingConfig>] = [
        Field("wandb_project", \.wandbProject, .name),
        .section(modelKey, \.model, Model.fields),
        Field("feature_probability", \.featureProbability, .probability, isRequired: true),
        Field("batch_size", \.batchSize, .positiveInt, isRequired: true),
        Field("steps", \.steps, .positiveInt, isRequired: true),
        Field("seed", \.seed, .seed),
        Field("lr", \.lr, .positive, isRequired: true),
        Field("lr_schedule", \.lrSchedule, .word(from: [.linear, .cosine, .constant])),
        Field("data_generation_type", \.dataGenerationType, .word()),
        Field("fixed_identity_hidden_layers", \.fixedIdentityHiddenLayers, .bool),
        Field("fixed_random_hidden_layers", \.fixedRandomHiddenLayers, .bool),
        Field("synced_inputs", \.syncedInputs, .indexGroups),
        Field("max_seeds", \.maxSeeds, .positiveInt),
    ]

    var conflicts: [Conflict] {
        var conflicts: [Conflict] = []
        if fixedIdentityHiddenLayers, fixedRandomHiddenLayers {
            let reason =
                "hidden layers cannot be the identity and random at once; set one of the two to false"
            conflicts.append(Conflict(key: "fixed_random_hidden_layers", reason: reason))
        }
        let data = SparseFeaturesConfig(
            featureProbability: featureProbability, dataGenerationType: dataGenerationType,
            syncedInputs: syncedInputs)
        return conflicts + data.conflicts(features: model.nFeatures)
    }
}

extension TMSTrainingConfig.Model {
    fileprivate static let fields: [Field<TMSTrainingConfig.Model>] = [
        Field("n_features", \.nFeatures, .positiveInt, isRequired: true),
        Field("n_hidden", \.nHidden, .positiveInt, isRequired: true),
        Field("n_hidden_layers", \.nHiddenLayers, .count, isRequired: true),
        Field("tied_weights", \.tiedWeights, .bool, isRequired: true),
        Field("init_bias_to_zero", \.initBiasToZero, .bool, isRequired: true),
        Field("device", \.device, .name),
    ]
}
