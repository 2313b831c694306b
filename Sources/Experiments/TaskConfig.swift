/// The data that a decomposition runs on, and with it the kind of target model: `task_config`.
public enum TaskConfig: Sendable, Equatable {
    /// A toy model of superposition.
    case tms(SparseFeatures)
    /// A residual MLP.
    case residualMLP(SparseFeatures)
    /// A language model.
    case lm(TextData)

    /// `task_name`.
    public var name: String { kind.rawValue }

    /// The generated data's settings, for the tasks that have them.
    public var sparseFeatures: SparseFeatures? {
        switch self {
        case .tms(let features), .residualMLP(let features): features
        case .lm: nil
        }
    }
}

/// Generated data: rows of features of which few are active.
public struct SparseFeatures: Sendable, Equatable {
    /// The probability that a feature is active, from 0 to 1.
    public internal(set) var featureProbability = 0.0
    /// Which features are active in a row.
    public internal(set) var dataGenerationType = DataGeneration.atLeastZeroActive
    /// Disjoint groups of features that are active together.
    public internal(set) var syncedInputs: [[Int]]?
}

/// Tokenised text from a published dataset.
public struct TextData: Sendable, Equatable {
    /// The length that sequences are cut or padded to, in tokens.
    public internal(set) var maxSeqLen = 512
    /// How many samples are shuffled at a time.
    public internal(set) var bufferSize = 1000
    /// The dataset's name on the Hugging Face hub.
    public internal(set) var datasetName = "lennart-finke/SimpleStories"
    /// The column that holds the text.
    public internal(set) var columnName = "story"
    /// The split to train on.
    public internal(set) var trainDataSplit = "train"
    /// The split to evaluate on.
    public internal(set) var evalDataSplit = "test"
}

extension SparseFeatures {
    static let fields: [Field<SparseFeatures>] = [
        Field("feature_probability", \.featureProbability, .probability, isRequired: true),
        Field("data_generation_type", \.dataGenerationType, .word()),
        // The published task configs may lack this key, so it is written only when it says something.
        Field("synced_inputs", \.syncedInputs, .indexGroups, isLeftOutIfNull: true),
    ]
}

extension TextData {
    static let fields: [Field<TextData>] = [
        Field("max_seq_len", \.maxSeqLen, .positiveInt),
        Field("buffer_size", \.bufferSize, .positiveInt),
        Field("dataset_name", \.datasetName, .name),
        Field("column_name", \.columnName, .name),
        Field("train_data_split", \.trainDataSplit, .name),
        Field("eval_data_split", \.evalDataSplit, .name),
    ]
}

extension TaskConfig {
    enum Kind: String, CaseIterable {
        case tms
        case residualMLP = "residual_mlp"
        case lm

        init?(name: String) {
            // `resid_mlp` is what later versions of the published tool call it.
            guard let kind = name == "resid_mlp" ? .residualMLP : Kind(rawValue: name) else { return nil }
            self = kind
        }
    }

    init(kind: Kind) {
        self =
            switch kind {
            case .tms: .tms(SparseFeatures())
            case .residualMLP: .residualMLP(SparseFeatures())
            case .lm: .lm(TextData())
            }
    }

    var kind: Kind {
        switch self {
        case .tms: .tms
        case .residualMLP: .residualMLP
        case .lm: .lm
        }
    }

    fileprivate var features: SparseFeatures {
        get { sparseFeatures ?? SparseFeatures() }
        set {
            switch self {
            case .tms: self = .tms(newValue)
            case .residualMLP: self = .residualMLP(newValue)
            case .lm: break
            }
        }
    }

    fileprivate var textData: TextData {
        get { if case .lm(let data) = self { data } else { TextData() } }
        set { if case .lm = self { self = .lm(newValue) } }
    }

    var fields: [Field<TaskConfig>] {
        switch self {
        case .tms, .residualMLP: [nameField] + SparseFeatures.fields.map { $0.lifted(to: \.features) }
        case .lm: [nameField] + TextData.fields.map { $0.lifted(to: \.textData) }
        }
    }

    /// The name decides which other keys there are, so it is settled before they are read and stays.
    private var nameField: Field<TaskConfig> {
        let kind = kind
        return Field(
            key: "task_name", aliases: [], isRequired: true, allowed: kind.rawValue,
            read: { node, _, reader in
                guard case .string(let name) = node.value, Kind(name: name) == kind else {
                    let found = node.value.description
                    reader.report(.invalid(found: found, allowed: kind.rawValue), at: node.place)
                    return
                }
            },
            write: { .string($0.name) }, inside: nil)
    }
}

extension Field {
    /// The key `task_config`, whose `task_name` says which keys it holds.
    static func task(_ property: any WritableKeyPath<Root, TaskConfig> & Sendable) -> Field {
        let key = "task_config"
        let allowedNames = "one of " + TaskConfig.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        return Field(
            key: key, aliases: [], isRequired: true, allowed: "a mapping of keys",
            read: { node, root, reader in
                guard case .map(let entries) = node.content else {
                    let found = node.value.description
                    reader.report(.invalid(found: found, allowed: "a mapping of keys"), at: node.place)
                    return
                }
                guard let name = entries.first(where: { $0.key == "task_name" }) else {
                    reader.report(.missing(allowed: allowedNames), at: node.place, key: "task_name")
                    return
                }
                guard case .string(let text) = name.value.value, let kind = TaskConfig.Kind(name: text) else {
                    let found = name.value.value.description
                    let cause = ConfigProblem.Cause.invalid(found: found, allowed: allowedNames)
                    reader.report(cause, at: name.value.place, key: "task_name")
                    return
                }
                root[keyPath: property] = TaskConfig(kind: kind)
                reader.read(node, fields: root[keyPath: property].fields, into: &root[keyPath: property])
            },
            write: { .map($0[keyPath: property].fields.entries(of: $0[keyPath: property])) },
            inside: { $0[keyPath: property].fields.map { $0.lifted(to: property) } })
    }
}
