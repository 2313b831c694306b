/// A planned run: an experiment's config with the values that a sweep gives it.
public struct SpecDraft: Sendable, Equatable {
    /// A value that a sweep gives to a parameter.
    public struct Override: Sendable, Equatable {
        /// The dotted path of the parameter.
        public let path: String
        /// The value as the sweep file has it.
        public let value: ConfigValue
        /// Whether the sweep has other values for the parameter.
        let isVaried: Bool
        /// Where it is in the sweep file.
        let place: SourcePlace?
        /// Where the keys inside it stand, if it is a mapping.
        var inside: SourceNode?

        /// The place of a key that this value sets, or of one inside it; nil for other keys.
        func place(of key: String) -> SourcePlace?? {
            if key == path { return .some(place) }
            guard key.hasPrefix(path + ".") else { return nil }
            return .some(inside?.place(of: String(key.dropFirst(path.count + 1))) ?? place)
        }
    }

    /// The name of the experiment.
    public let experiment: String
    /// The settings with the sweep's values in place.
    public let config: ExperimentConfig
    /// How the target is trained, for a `pretrained_model_path` of `train:<target>`; otherwise nil.
    public let target: TargetConfig?
    /// The sweep's values in the order of the grid; empty without a sweep.
    public let overrides: [Override]
    /// The file that the experiment stands in, and what it says.
    private let source: String
    private let node: SourceNode
    /// The sweep file, if there is one.
    private let sweep: String?

    /// What the sweep set as it is stored: a JSON array of `[path, value]` pairs of strings, the value as JSON text.
    public var overridesJSON: String {
        ConfigValue.list(overrides.map { .list([.string($0.path), .string($0.value.json)]) }).canonicalJSON
    }

    /// The same before a search has chosen: with null for the values that it varies.
    public var unchosenJSON: String {
        let pairs = overrides.filter(\.isVaried).map { ConfigValue.list([.string($0.path), .string("null")]) }
        return ConfigValue.list(pairs).canonicalJSON
    }

    /// The run of an experiment as configured.
    public init(_ experiment: Experiment) {
        self.init(experiment, config: experiment.config, target: experiment.target, overrides: [])
    }

    /// The same run, now that it is known how its target was trained.
    public func decomposing(_ target: TargetConfig) -> SpecDraft {
        SpecDraft(self, target: target)
    }

    init(
        _ experiment: Experiment, config: ExperimentConfig, target: TargetConfig?, overrides: [Override],
        sweep: String? = nil
    ) {
        self.experiment = experiment.name
        self.config = config
        self.target = target
        self.overrides = overrides
        source = experiment.source
        node = experiment.node
        self.sweep = overrides.isEmpty ? nil : sweep
    }

    private init(_ draft: SpecDraft, target: TargetConfig) {
        experiment = draft.experiment
        config = draft.config
        self.target = target
        overrides = draft.overrides
        source = draft.source
        node = draft.node
        sweep = draft.sweep
    }

    /// Why it cannot run, one line each with the position of the key to blame.
    ///
    /// - Parameter target: How its target was trained, or nil if that is not known.
    /// - Returns: The lines; none for a run that can be run.
    public func obstacles(decomposing target: TargetConfig?) -> [String] {
        config.obstacles(decomposing: target).map { problem($0.key, $0.reason) }
    }

    /// The folder of the file that gives a key its value; where this program runs, for a published experiment.
    public func folder(naming key: String) -> String {
        let isSwept = overrides.contains { $0.path == key }
        let file = isSwept ? sweep ?? source : source
        return file.lastIndex(of: "/").map { String(file[..<$0]) } ?? ""
    }

    /// A line that says what is wrong with a key, and where it stands: in the experiment's file or, by its value, in the
    /// sweep's.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - reason: What is wrong.
    ///   - isReported: Whether a program says so that the key names.
    /// - Returns: The line.
    public func problem(_ key: String, _ reason: String, isReported: Bool = false) -> String {
        func cause(_ text: String) -> ConfigProblem.Cause { isReported ? .reported(text) : .conflict(text) }
        guard let override = overrides.first(where: { $0.place(of: key) != nil }), let sweep else {
            let problem = ConfigProblem(
                source: source, place: node.place(of: key), path: key, cause: cause(reason))
            return "\(problem)"
        }
        let example = override.path == key ? " (with \(key): \(override.value))" : ""
        let place = override.place(of: key) ?? nil
        return
            "\(ConfigProblem(source: sweep, place: place, path: experiment, cause: cause("\(key): \(reason)\(example)")))"
    }
}
