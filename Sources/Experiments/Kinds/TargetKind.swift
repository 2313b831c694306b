public import Metrics

/// A kind of target model, as configs know it: its names, its data, its training, what can be decomposed.
///
/// A new kind is a folder next to this file that makes one, and a line in `all`.
public struct TargetKind: Sendable {
    /// Its `task_config.task_name`.
    public let name: String
    /// Further spellings of the name that are read.
    let aliases: [String]
    /// The published tool's tag on W&B, with which the name of a target's training config begins, too.
    public let tag: String
    /// What its targets' weights are called, without an extension.
    public let weightsStem: String
    /// The published classes of its models.
    let modelClasses: [String]
    /// The data of a config that says no more of it.
    let data: TaskConfig.Data
    /// How its targets are trained.
    let training: any ConfiguredTraining.Type
    /// Whether its models have modules of the kind Embedding.
    let hasEmbeddings: Bool
    /// What its decompositions log beyond what all have.
    public let measures: [Metric]
    /// Whether `pretrained_model_name_hf` may say where a target comes from.
    var takesHubNames = false
    /// Whether only the worker, which knows its models' files, can find targets that are not trained here, and tell their
    /// shapes.
    public var needsWorkerForTargets = false
    /// Whether a decomposition's weights alone tell how well features were recovered.
    public var hasRecovery = false
    /// What a config names that has to be brought to this machine before a run can begin; nil for nothing.
    ///
    /// The same things give the same text. Whether the target is trained here is said beside the config.
    var thingsToFetch: @Sendable (ExperimentConfig, _ isTrained: Bool) -> String? = { _, _ in nil }
    /// What else is wrong with a config of this kind.
    var conflicts: @Sendable (ExperimentConfig) -> [Conflict] = { _ in [] }
}

extension TargetKind {
    /// Every kind there is.
    public static let all = [tms, residualMLP, languageModel]

    /// The key that identifies its training configs, and its older spellings.
    var modelKeys: [String] { training.modelKeys }

    /// Reads a training config of this kind.
    func readTraining(_ node: SourceNode, _ reader: inout Reader) -> TargetConfig { training.read(node, &reader) }

    /// The kind that a `task_name` names.
    public init?(name: String) {
        guard let kind = Self.all.first(where: { $0.name == name || $0.aliases.contains(name) }) else { return nil }
        self = kind
    }

    /// The kind whose training configs have a name.
    public init?(trainingConfigName name: String) {
        guard let kind = Self.all.first(where: { $0.trainingConfigName == name }) else { return nil }
        self = kind
    }

    /// What the training config of its targets is called.
    public var trainingConfigName: String { tag + "_train_config.yaml" }
    /// What its targets' weights may be called, ours first.
    public var weightsNames: [String] { [weightsStem + ".safetensors", weightsStem + ".pth"] }
}

extension ExperimentConfig {
    /// What it names that has to be brought to this machine before a run can begin: the same text for the same things.
    ///
    /// - Parameter isTrained: Whether its target is trained here.
    /// - Returns: nil for nothing.
    public func thingsToFetch(targetIsTrained isTrained: Bool) -> String? {
        taskConfig.kind.thingsToFetch(self, isTrained)
    }
}

extension TargetKind: Equatable {
    /// Kinds are distinguished by their names.
    public static func == (a: TargetKind, b: TargetKind) -> Bool { a.name == b.name }
}

/// How a target model is trained, as far as all kinds have it.
public protocol TargetTraining: Sendable, Equatable {
    /// The entries of an input row, where rows are features.
    var featureCount: Int? { get }
    /// The modules that can be decomposed, in the order of a forward pass.
    var modules: [TargetConfig.Module] { get }
    /// The model's weights by their published names, each with its shape.
    var tensors: [TargetConfig.Tensor] { get }
    /// Pairs of weights of which the second is the first one's, transposed.
    var tiedTensors: [(String, String)] { get }
    /// A file of text that the target learns, if it does.
    var textFile: String? { get }
    /// The first seed to try.
    var seed: Int { get }
    /// How many seeds are tried at most.
    var maxSeeds: Int { get }
}

/// A training that is read from a config.
protocol ConfiguredTraining: TargetTraining {
    /// The kind of model that is trained.
    static var kind: TargetKind { get }
    /// The key that identifies the kind's configs, and its older spellings.
    static var modelKeys: [String] { get }
    static var fields: [Field<Self>] { get }

    init()
    /// What is wrong with the keys taken together.
    var conflicts: [Conflict] { get }
    /// What is wrong with decomposing such a target as a config says, besides its modules.
    func conflicts(with config: ExperimentConfig) -> [Conflict]
    /// The training with another file of text to learn.
    func readingText(from path: String) -> Self
    /// A run's name around the settings that all kinds have in common; nil if it takes the target to make it.
    static func runName(_ config: ExperimentConfig, target: Self?, settings: String) -> String?
}

extension TargetTraining {
    /// None.
    public var textFile: String? { nil }
    /// None.
    public var tiedTensors: [(String, String)] { [] }
}

extension ConfiguredTraining {
    func readingText(from path: String) -> Self { self }

    func isEqual(to other: any ConfiguredTraining) -> Bool { other as? Self == self }

    /// The config as a value of the published keys in the published order.
    var value: ConfigValue { .map(Self.fields.entries(of: self)) }

    static func name(_ config: ExperimentConfig, _ target: TargetConfig?, settings: String) -> String? {
        runName(config, target: target?.configured as? Self, settings: settings)
    }

    static func read(_ node: SourceNode, _ reader: inout Reader) -> TargetConfig {
        var training = Self()
        reader.read(node, fields: fields, into: &training)
        return TargetConfig(training)
    }
}
