/// One run to be: an experiment's config with the values that a sweep gives it.
public struct SpecDraft: Sendable, Equatable {
    /// A value that a sweep gives to a parameter.
    public struct Override: Sendable, Equatable {
        /// The dotted path of the parameter.
        public let path: String
        /// The value as the sweep file has it.
        public let value: ConfigValue
    }

    /// The name of the experiment.
    public let experiment: String
    /// The settings with the sweep's values in place.
    public let config: ExperimentConfig
    /// How the target is trained, for a `pretrained_model_path` of `train:<target>`; otherwise nil.
    public let target: TargetConfig?
    /// The sweep's values in the order of the grid; empty without a sweep.
    public let overrides: [Override]

    /// The run of an experiment as it is configured.
    public init(_ experiment: Experiment) {
        self.init(
            experiment: experiment.name, config: experiment.config, target: experiment.target, overrides: [])
    }

    /// The same run, now that it is known how its target was trained.
    public func decomposing(_ target: TargetConfig) -> SpecDraft {
        SpecDraft(experiment: experiment, config: config, target: target, overrides: overrides)
    }

    init(experiment: String, config: ExperimentConfig, target: TargetConfig?, overrides: [Override]) {
        self.experiment = experiment
        self.config = config
        self.target = target
        self.overrides = overrides
    }
}
