/// How a residual MLP is trained, as in the published train config.
public struct ResidualMLPTrainingConfig: Sendable, Equatable {
    /// The shape of a residual MLP.
    public struct Model: Sendable, Equatable {
        /// Features in and out.
        public internal(set) var nFeatures = 1
        /// The width of the residual stream.
        public internal(set) var dEmbed = 1
        /// Neurons of each layer.
        public internal(set) var dMLP = 1
        /// Layers.
        public internal(set) var nLayers = 1
        /// The nonlinearity of the layers and of the labels.
        public internal(set) var actFnName = Activation.relu
        /// Whether the layers' inputs have a bias.
        public internal(set) var inBias = false
        /// Whether the layers' outputs have a bias.
        public internal(set) var outBias = false
        /// An older key for a nonlinearity at the output; only its absence is supported.
        var applyOutputActFn: NeverTrue?
    }

    /// The nonlinearity of a residual MLP.
    public enum Activation: String, CaseIterable, Sendable {
        /// The rectifier.
        case relu
        /// GELU in its exact form.
        case gelu
    }

    /// What the model learns.
    public enum LabelType: String, CaseIterable, Sendable {
        /// The activation of each scaled feature plus the feature itself.
        case actPlusResid = "act_plus_resid"
        /// The magnitude of each scaled feature.
        case abs
    }

    /// Where outputs and labels are compared.
    public enum LossType: String, CaseIterable, Sendable {
        /// After the unembedding.
        case readoff
        /// In the residual stream.
        case resid
    }

    /// The project on Weights & Biases that the published tool logs the training to; kept and otherwise ignored.
    public internal(set) var wandbProject: String?
    /// The first seed to try.
    public internal(set) var seed = 0
    /// The model's shape.
    public internal(set) var model = Model()
    /// The seed of the labels' coefficients.
    public internal(set) var labelFnSeed = 0
    /// What the model learns.
    public internal(set) var labelType = LabelType.actPlusResid
    /// Where outputs and labels are compared.
    public internal(set) var lossType = LossType.readoff
    /// Whether the labels' coefficients are all one.
    public internal(set) var useTrivialLabelCoeffs = false
    /// The probability that a feature is active, from 0 to 1.
    public internal(set) var featureProbability = 0.0
    /// Disjoint groups of features that are active together.
    public internal(set) var syncedInputs: [[Int]]?
    /// Feature i's loss weighs this to the power of i; nil weighs all alike.
    public internal(set) var importanceVal: Double?
    /// Which features are active in a row.
    public internal(set) var dataGenerationType = DataGeneration.atLeastZeroActive
    /// Rows per step.
    public internal(set) var batchSize = 1
    /// Optimiser steps.
    public internal(set) var steps = 1
    /// Steps between logged losses.
    public internal(set) var printFreq = 1
    /// The learning rate.
    public internal(set) var lr = 1.0
    /// How the learning rate changes.
    public internal(set) var lrSchedule = LearningRateSchedule.constant
    /// Whether the embedding is random unit rows, and the unembedding its transpose, both fixed.
    public internal(set) var fixedRandomEmbedding = false
    /// Whether the embedding and the unembedding are the identity, both fixed.
    public internal(set) var fixedIdentityEmbedding = false
    /// Batches that the final loss is averaged over.
    public internal(set) var nBatchesFinalLosses = 1
    /// How many seeds are tried at most until every feature is represented.
    public internal(set) var maxSeeds = 1
}

/// A flag that is known and can only be false.
enum NeverTrue: Sendable {
    case off
}

extension Rule where T == NeverTrue {
    static let neverTrue = Rule(allowed: "false (there is no such thing here)") {
        $0 == .bool(false) ? .off : nil
    } write: { _ in
        .bool(false)
    }
}

extension ResidualMLPTrainingConfig {
    static let modelKey = "resid_mlp_model_config"
    static let olderModelKey = "resid_mlp_config"

    static let fields: [Field<ResidualMLPTrainingConfig>] = [
        Field("wandb_project", \.wandbProject, .name),
        Field("seed", \.seed, .seed),
        .section(modelKey, \.model, Model.fields, aliases: [olderModelKey]),
        Field("label_fn_seed", \.labelFnSeed, .seed),
        Field("label_type", \.labelType, .word()),
        Field("loss_type", \.lossType, .word()),
        Field("use_trivial_label_coeffs", \.useTrivialLabelCoeffs, .bool),
        Field("feature_probability", \.featureProbability, .probability, isRequired: true),
        Field("synced_inputs", \.syncedInputs, .indexGroups),
        Field("importance_val", \.importanceVal, .nonNegative),
        Field("data_generation_type", \.dataGenerationType, .word()),
        Field("batch_size", \.batchSize, .positiveInt, isRequired: true),
        Field("steps", \.steps, .positiveInt, isRequired: true),
        Field("print_freq", \.printFreq, .positiveInt, isRequired: true),
        Field("lr", \.lr, .positive, isRequired: true),
        Field("lr_schedule", \.lrSchedule, .word(from: [.linear, .cosine, .constant])),
        Field("fixed_random_embedding", \.fixedRandomEmbedding, .bool),
        Field("fixed_identity_embedding", \.fixedIdentityEmbedding, .bool),
        Field("n_batches_final_losses", \.nBatchesFinalLosses, .positiveInt),
        Field("max_seeds", \.maxSeeds, .positiveInt),
    ]

    var conflicts: [Conflict] {
        var conflicts: [Conflict] = []
        if fixedRandomEmbedding, fixedIdentityEmbedding {
            let reason =
                "the embedding cannot be random and the identity at once; set one of the two to false"
            conflicts.append(Conflict(key: "fixed_identity_embedding", reason: reason))
        }
        if fixedIdentityEmbedding, model.nFeatures != model.dEmbed {
            let sizes = "n_features is \(model.nFeatures), d_embed \(model.dEmbed)"
            let reason = "an identity embedding needs n_features equal to d_embed; \(sizes)"
            conflicts.append(Conflict(key: "fixed_identity_embedding", reason: reason))
        }
        let data = SparseFeaturesConfig(
            featureProbability: featureProbability, dataGenerationType: dataGenerationType,
            syncedInputs: syncedInputs)
        return conflicts + data.conflicts(features: model.nFeatures)
    }
}

extension ResidualMLPTrainingConfig.Model {
    fileprivate static let fields: [Field<ResidualMLPTrainingConfig.Model>] = [
        Field("n_features", \.nFeatures, .positiveInt, isRequired: true),
        Field("d_embed", \.dEmbed, .positiveInt, isRequired: true),
        Field("d_mlp", \.dMLP, .positiveInt, isRequired: true),
        Field("n_layers", \.nLayers, .positiveInt, isRequired: true),
        Field("act_fn_name", \.actFnName, .word(), isRequired: true),
        Field("in_bias", \.inBias, .bool, isRequired: true),
        Field("out_bias", \.outBias, .bool, isRequired: true),
        Field("apply_output_act_fn", \.applyOutputActFn, .neverTrue, isLeftOutIfNull: true),
    ]
}
