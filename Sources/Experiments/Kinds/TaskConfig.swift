/// The data that a decomposition runs on, and with it the kind of target model: `task_config`.
public struct TaskConfig: Sendable, Equatable {
    /// The kind of target model.
    public let kind: TargetKind
    var data: Data

    enum Data: Sendable, Equatable {
        case features(SparseFeaturesConfig)
        case text(TextData)
    }

    init(kind: TargetKind) {
        self.kind = kind
        data = kind.data
    }

    /// `task_name`.
    public var name: String { kind.name }

    /// The generated data's settings, for the tasks that have them.
    public var sparseFeatures: SparseFeaturesConfig? {
        if case .features(let features) = data { features } else { nil }
    }

    /// The text's settings, for the tasks that have them.
    public var text: TextData? {
        if case .text(let text) = data { text } else { nil }
    }

    /// Whether rows are tokens.
    public var hasTokens: Bool { text != nil }

    /// What is wrong with this data for a model of this many features.
    func conflicts(features: Int) -> [Conflict] {
        (sparseFeatures?.conflicts(features: features) ?? []).map {
            Conflict(key: "task_config." + $0.key, reason: $0.reason)
        }
    }
}

extension TaskConfig {
    fileprivate var featuresToRead: SparseFeaturesConfig {
        get { sparseFeatures ?? SparseFeaturesConfig() }
        set { data = .features(newValue) }
    }

    fileprivate var textToRead: TextData {
        get { text ?? TextData() }
        set { data = .text(newValue) }
    }

    var fields: [Field<TaskConfig>] {
        switch data {
        case .features: [nameField] + SparseFeaturesConfig.fields.map { $0.lifted(to: \.featuresToRead) }
        case .text: [nameField] + TextData.fields.map { $0.lifted(to: \.textToRead) }
        }
    }

    /// The name decides which other keys there are, so it is settled before they are read and stays.
    private var nameField: Field<TaskConfig> {
        let kind = kind
        return Field(
            key: "task_name", aliases: [], isRequired: true, allowed: kind.name,
            read: { node, _, reader in
                guard case .string(let name) = node.value, TargetKind(name: name) == kind else {
                    let found = node.value.description
                    reader.report(.invalid(found: found, allowed: kind.name), at: node.place)
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
        let allowedNames = "one of " + TargetKind.all.map(\.name).joined(separator: ", ")
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
                guard case .string(let text) = name.value.value, let kind = TargetKind(name: text) else {
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
