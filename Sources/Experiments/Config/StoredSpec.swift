/// A spec as the state file and questions to the worker hold it: what was checked when it was submitted, read again.
public struct StoredSpec: Sendable {
    /// What to compute.
    public let config: ExperimentConfig
    /// How its target is trained, where it is.
    public let target: TargetConfig?

    /// Reads a spec.
    ///
    /// - Parameters:
    ///   - config: The config's text.
    ///   - target: The text of its target's training config, where it has one.
    ///   - source: What messages call the spec.
    /// - Throws: For a text that another version has written, or that is damaged.
    public init(config: String, target: String?, source: String) throws(ConfigError) {
        self.config = try ExperimentConfig.load(yaml: config, source: source)
        self.target = try target.map { text throws(ConfigError) in
            try TargetConfig.load(yaml: text, source: source + " (target)")
        }
    }
}
