public import Experiments
import Kernels
public import Layout

/// Everything that one spec needs to become a run.
public struct RunPlan: Sendable {
    /// The run's id, the same on W&B.
    public var id: String
    /// The experiment's name.
    public var experiment: String
    /// What to compute.
    public var config: ExperimentConfig
    /// How its target is trained, if the config says `train:`.
    public var target: TargetConfig?
    /// The copy of the target's files to read, if the config names files; nil reads the files themselves.
    public var targetFiles: String?
    /// Where the run's files go.
    public var folder: RunFolder
    /// Where trained targets are shared.
    public var targets: TargetCache
    /// Threads per step.
    public var threads: Int
    /// How often the state is saved, in seconds.
    public var checkpointInterval: Duration
    /// The folder of the copies of observers, each in a folder of its digest's name.
    public var observers: String?
    /// The program that starts observers' processes: the worker, which this is.
    public var launcher = "/proc/self/exe"
    /// Whether W&B gets the weights that are saved on the way.
    public var uploadsCheckpoints = false
    /// Whether W&B gets the final weights, as a file of the run and as a model.
    public var uploadsModel = false

    /// Creates a plan.
    public init(
        id: String, experiment: String, config: ExperimentConfig, target: TargetConfig?, targetFiles: String? = nil,
        folder: RunFolder,
        targets: TargetCache, threads: Int, checkpointInterval: Duration
    ) {
        self.id = id
        self.experiment = experiment
        self.config = config
        self.target = target
        self.targetFiles = targetFiles
        self.folder = folder
        self.targets = targets
        self.threads = threads
        self.checkpointInterval = checkpointInterval
    }
}
