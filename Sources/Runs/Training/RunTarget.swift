import Experiments
import Kernels
import Targets

/// A target that is here and can be decomposed, whatever its kind.
protocol RunTarget {
    /// How it was trained, if known.
    var training: TargetConfig? { get }
    /// A digest of everything that a decomposition of it depends on, next to the config.
    var hash: String { get }
    /// Files to keep with the run on W&B, by their published names.
    var files: [(name: String, path: String)] { get }
    /// The labels of tokens in figures, if inputs are text.
    var tokenNames: TokenNames? { get }
    /// Creates a decomposition of it according to a config.
    ///
    /// - Throws: `RunError.invalid` or `KernelError` for what cannot be computed.
    func decomposition(
        _ config: ExperimentConfig, settings: DecompositionSettings, threads: Int
    ) throws -> any Decomposition
}

extension RunTarget {
    var tokenNames: TokenNames? { nil }

    /// Makes a decomposition of it as a config says.
    ///
    /// - Throws: `RunError.invalid` or `KernelError` for what cannot be computed.
    func decomposition(_ config: ExperimentConfig, threads: Int) throws -> any Decomposition {
        try decomposition(config, settings: DecompositionSettings(config), threads: threads)
    }
}

/// A target whose rows are features, read from its files.
struct FeatureRunTarget: RunTarget {
    private let model: TargetModel
    private let config: TargetConfig
    let hash: String
    let files: [(name: String, path: String)]

    init(_ files: TargetFiles) throws {
        model = try files.model()
        config = files.config
        hash = files.hash
        self.files = files.files
    }

    /// A target whose shape alone matters.
    init(rough model: TargetModel, _ config: TargetConfig) {
        self.model = model
        self.config = config
        hash = ""
        files = []
    }

    var training: TargetConfig? { config }

    func decomposition(
        _ config: ExperimentConfig, settings: DecompositionSettings, threads: Int
    ) throws -> any Decomposition {
        try FeatureDecomposition(
            target: model, data: try self.config.data(config, features: model.features), settings: settings,
            threads: threads)
    }
}
