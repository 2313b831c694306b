/// How a target model is trained: the published train configs, every key typed and checked.
public enum TargetConfig: Sendable, Equatable {
    /// A toy model of superposition.
    case tms(TMSTraining)
    /// A residual MLP.
    case residualMLP(ResidualMLPTraining)
}

extension TargetConfig {
    /// Reads a train config from YAML or JSON text.
    ///
    /// Which model it trains shows in its model's key: `tms_model_config` or `resid_mlp_model_config`.
    ///
    /// - Parameters:
    ///   - text: One document with the published keys.
    ///   - source: What messages call the text, such as its file's path.
    /// - Returns: The train config.
    /// - Throws: Everything that is wrong with the document.
    public static func load(yaml text: String, source: String) throws(ConfigError) -> TargetConfig {
        let node = try SourceNode.parse(yaml: text, source: source)
        return try load(node, source: source)
    }

    /// Reads a train config from a YAML or JSON file.
    ///
    /// - Throws: Why the file cannot be read, or everything that is wrong with it.
    public static func load(path: String) throws(ConfigError) -> TargetConfig {
        let node = try SourceNode.parse(path: path)
        return try load(node, source: path)
    }

    private static func load(_ node: SourceNode, source: String) throws(ConfigError) -> TargetConfig {
        var reader = Reader(source: source)
        let config: TargetConfig
        if node.has(TMSTraining.modelKey) {
            var training = TMSTraining()
            reader.read(node, fields: TMSTraining.fields, into: &training)
            config = .tms(training)
        } else if node.has(ResidualMLPTraining.modelKey) || node.has(ResidualMLPTraining.olderModelKey) {
            var training = ResidualMLPTraining()
            reader.read(node, fields: ResidualMLPTraining.fields, into: &training)
            config = .residualMLP(training)
        } else {
            let keys = "\(TMSTraining.modelKey) or \(ResidualMLPTraining.modelKey)"
            reader.report(.missing(allowed: "a mapping that holds \(keys)"), at: node.place)
            throw ConfigError(reader.problems)
        }
        try reader.finish()
        for conflict in config.conflicts {
            reader.report(.conflict(conflict.reason), at: node.place(of: conflict.key), key: conflict.key)
        }
        try reader.finish()
        return config
    }

    private var conflicts: [Conflict] {
        switch self {
        case .tms(let training): training.conflicts
        case .residualMLP(let training): training.conflicts
        }
    }

    /// The number of features that the model takes and gives.
    public var featureCount: Int {
        switch self {
        case .tms(let training): training.model.nFeatures
        case .residualMLP(let training): training.model.nFeatures
        }
    }

    /// The config as a value of the published keys in the published order.
    public var value: ConfigValue {
        switch self {
        case .tms(let training): .map(TMSTraining.fields.entries(of: training))
        case .residualMLP(let training): .map(ResidualMLPTraining.fields.entries(of: training))
        }
    }

    /// The config as YAML, every key written out.
    public func yaml() -> String { value.yaml }

    /// The config as JSON on one line, every key written out.
    public func json() -> String { value.json }

    /// The config as JSON with sorted keys and no spaces: the same text for the same settings.
    public func canonicalJSON() -> String { value.canonicalJSON }

    /// What is wrong with decomposing this target as a config says, a line each.
    public func problems(decomposing config: ExperimentConfig) -> [String] {
        conflicts(with: config).map { "\($0.key): \($0.reason)" }
    }

    /// What is wrong with decomposing this target as a config says.
    func conflicts(with config: ExperimentConfig) -> [Conflict] {
        switch (self, config.taskConfig) {
        case (.tms, .tms(let data)), (.residualMLP, .residualMLP(let data)):
            let modules = modules
            let unmatched = config.targetModulePatterns.filter { pattern in
                !modules.contains { $0.matches(pattern) }
            }
            return data.conflicts(features: featureCount).map {
                Conflict(key: "task_config." + $0.key, reason: $0.reason)
            }
                + unmatched.map {
                    let names = modules.map(\.name).joined(separator: ", ")
                    return Conflict(
                        key: "target_module_patterns", reason: "'\($0)' matches no module; the target has \(names)")
                }
        default:
            let kind = if case .tms = self { TaskConfig.Kind.tms } else { TaskConfig.Kind.residualMLP }
            let reason = "the target is a \(kind.rawValue) model, task_name says \(config.taskConfig.name)"
            return [Conflict(key: "pretrained_model_path", reason: reason)]
        }
    }
}

extension SparseFeatures {
    /// What is wrong with this data for a model of so many features.
    func conflicts(features: Int) -> [Conflict] {
        var conflicts: [Conflict] = []
        if let active = dataGenerationType.activeFeatures, active > features {
            let reason = "\(dataGenerationType.rawValue) needs \(active) features; the target has \(features)"
            conflicts.append(Conflict(key: "data_generation_type", reason: reason))
        }
        if let index = syncedInputs?.joined().max(), index >= features {
            let reason = "feature \(index) does not exist; the target's are 0 to \(features - 1)"
            conflicts.append(Conflict(key: "synced_inputs", reason: reason))
        }
        return conflicts
    }
}

extension SourceNode {
    fileprivate func has(_ key: String) -> Bool {
        guard case .map(let entries) = content else { return false }
        return entries.contains { $0.key == key }
    }
}
