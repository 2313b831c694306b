public import UserMetrics

/// The settings of one decomposition: the published config, every key typed and checked.
///
/// Properties carry the published keys' names; `ExperimentConfig+Keys.swift` pairs them. A config comes
/// from ``load(yaml:source:)`` and changes through ``setting(_:to:)`` only, so it is always valid.
public struct ExperimentConfig: Sendable, Equatable {
    // Tracking
    /// The project on Weights & Biases, or nil to track nothing there.
    public internal(set) var wandbProject: String?
    /// The run's name there, or nil for one derived from the config.
    public internal(set) var wandbRunName: String?
    /// The beginning of the generated name.
    public internal(set) var wandbRunNamePrefix = ""

    // Decomposition
    /// The seed of every random draw.
    public internal(set) var seed = 0
    /// Subcomponents per module.
    public internal(set) var C = 1
    /// Draws of stochastic masks per step.
    public internal(set) var nMaskSamples = 1
    /// Hidden neurons of each gate's MLP, or 0 for one weight and bias.
    public internal(set) var nCIMLPNeurons = 0
    /// The nonlinearity of causal importances.
    public internal(set) var sigmoidType = SigmoidType.leakyHard
    /// Patterns (`*`, `?`, `[…]`) over the names of the modules to decompose.
    public internal(set) var targetModulePatterns: [String] = []

    // Losses: nil skips a loss, zero computes and logs it
    /// The weight of the faithfulness loss.
    public internal(set) var faithfulnessCoeff: Double?
    /// The weight of reconstruction with causal importances as masks.
    public internal(set) var reconCoeff: Double?
    /// The weight of reconstruction with stochastic masks.
    public internal(set) var stochasticReconCoeff: Double?
    /// The weight of reconstruction with one module replaced at a time.
    public internal(set) var reconLayerwiseCoeff: Double?
    /// The weight of stochastic reconstruction with one module replaced at a time.
    public internal(set) var stochasticReconLayerwiseCoeff: Double?
    /// The weight of importance minimality.
    public internal(set) var importanceMinimalityCoeff = 0.0
    /// The weight of the Schatten loss.
    public internal(set) var schattenCoeff: Double?
    /// The weight of reconstruction with every mask at one.
    public internal(set) var outReconCoeff: Double?
    /// The weight of the embedding's reconstruction.
    public internal(set) var embeddingReconCoeff: Double?
    /// Whether the embedding's reconstruction is judged after the unembedding.
    public internal(set) var isEmbedUnembedRecon = false
    /// The power of importance minimality and of the Schatten loss.
    public internal(set) var pnorm = 1.0
    /// How outputs are compared.
    public internal(set) var outputLossType = OutputLossType.mse

    // Training
    /// The learning rate.
    public internal(set) var lr = 1.0
    /// Optimiser steps; one more evaluates and saves.
    public internal(set) var steps = 0
    /// Rows per step.
    public internal(set) var batchSize = 1
    /// How the learning rate changes.
    public internal(set) var lrSchedule = LearningRateSchedule.constant
    /// The half-life of an exponential schedule, in steps.
    public internal(set) var lrExponentialHalflife: Double?
    /// The part of the run in which the learning rate rises from zero, from 0 to 1.
    public internal(set) var lrWarmupPct = 0.0
    /// Batches per evaluation.
    public internal(set) var nEvalSteps = 1

    // Logging
    /// Steps between figures, or nil for none.
    public internal(set) var imageFreq: Int?
    /// Which sets of figures are drawn; nil: those that `image_freq` says.
    ///
    /// Not a published key.
    public internal(set) var figures: FigureChoice?
    /// Whether the first step draws figures too.
    public internal(set) var imageOnFirstStep = true
    /// Steps between logged metrics.
    public internal(set) var printFreq = 1
    /// Steps between checkpoints, or nil for only the last.
    public internal(set) var saveFreq: Int?
    /// Whether cross-entropies are logged (language models).
    public internal(set) var logCELosses = false
    /// Metrics of the user's own.
    ///
    /// Not a published key.
    public internal(set) var userMetrics: [UserMetric] = []
    /// Figures of the user's own.
    ///
    /// Not a published key.
    public internal(set) var userFigures: [UserFigure] = []
    /// Programs of the user's that look at the run.
    ///
    /// Not a published key.
    public internal(set) var observers: [ObserverConfig] = []

    // Target model
    /// The published class of the target model.
    public internal(set) var pretrainedModelClass = ""
    /// Where its weights come from, or nil if they come with the data.
    public internal(set) var pretrainedModelPath: PretrainedModel?
    /// Its name on the Hugging Face hub.
    public internal(set) var pretrainedModelNameHF: String?
    /// The attribute of its output that holds the logits.
    public internal(set) var pretrainedModelOutputAttr: String?
    /// The tokenizer's name on the Hugging Face hub.
    public internal(set) var tokenizerName: String?

    /// The data, and with it the kind of target model.
    public internal(set) var taskConfig = TaskConfig(kind: .tms)
}

extension ExperimentConfig {
    /// Reads a config from YAML or JSON text.
    ///
    /// - Parameters:
    ///   - text: One document with the published keys.
    ///   - source: What messages call the text, such as its file's path.
    /// - Returns: The config.
    /// - Throws: Everything that is wrong with the document.
    public static func load(yaml text: String, source: String) throws(ConfigError) -> ExperimentConfig {
        let node = try SourceNode.parse(yaml: text, source: source)
        return try load(node, source: source)
    }

    /// Reads a config from a YAML or JSON file.
    ///
    /// - Throws: Why the file cannot be read, or everything that is wrong with it.
    public static func load(path: String) throws(ConfigError) -> ExperimentConfig {
        let node = try SourceNode.parse(path: path)
        return try load(node, source: path)
    }

    static func load(_ node: SourceNode, source: String) throws(ConfigError) -> ExperimentConfig {
        if let problem = ForeignFile.problem(with: node, readAs: .config, source: source) {
            throw ConfigError([problem])
        }
        var reader = Reader(source: source)
        var config = ExperimentConfig()
        reader.read(node, fields: fields, into: &config)
        // Keys are checked against each other only when each is right on its own.
        try reader.finish()
        for conflict in config.conflicts {
            reader.report(.conflict(conflict.reason), at: node.place(of: conflict.key), key: conflict.key)
        }
        try reader.finish()
        return config
    }

    /// The config with one key changed.
    ///
    /// - Parameters:
    ///   - path: A dotted path of published keys, such as `task_config.feature_probability`.
    ///   - value: The new value.
    /// - Returns: The changed config.
    /// - Throws: An unknown path, a value that the key does not take, or a value that does not go with another key's.
    public func setting(_ path: String, to value: ConfigValue) throws(ConfigError) -> ExperimentConfig {
        var reader = Reader(source: "override")
        guard let field = Self.fields.field(at: path, in: self) else {
            let nearest = Spelling.nearest(to: path, among: Self.fields.paths(in: self))
            reader.report(.unknownKey(nearest: nearest, known: []), at: nil, key: path)
            throw ConfigError(reader.problems)
        }
        var config = self
        reader = Reader(source: "override", path: [path])
        field.read(SourceNode(value), &config, &reader)
        try reader.finish()
        reader = Reader(source: "override")
        for conflict in config.conflicts {
            reader.report(.conflict(conflict.reason), at: nil, key: conflict.key)
        }
        try reader.finish()
        return config
    }

    /// The config as a value of the published keys in the published order.
    public var value: ConfigValue { .map(Self.fields.entries(of: self)) }

    /// The config as YAML, every key written out.
    public func yaml() -> String { value.yaml }

    /// The config as JSON on one line, every key written out.
    public func json() -> String { value.json }

    /// The config as JSON with sorted keys and no spaces: the same text for the same settings.
    public func canonicalJSON() -> String { value.canonicalJSON }
}
