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
    /// How its target is trained, where the config says `train:`.
    public var target: TargetConfig?
    /// The copy of the target's files to read, where the config names files; nil reads the files themselves.
    public var targetFiles: String?
    /// Where the run's files go.
    public var folder: RunFolder
    /// Where trained targets are shared.
    public var targets: TargetCache
    /// Threads per step.
    public var threads: Int
    /// How often the state is saved, in seconds.
    public var checkpointInterval: Duration
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

/// How far a run has come.
public struct RunProgress: Sendable, Equatable {
    /// Steps taken.
    public let step: Int
    /// Steps in all.
    public let steps: Int
    /// Steps per second lately; nil until it is known.
    public let stepsPerSecond: Double?
    /// The losses last logged.
    public let losses: [String: Double]
}

/// How a run ended.
public enum RunOutcome: Sendable, Equatable {
    /// All steps are done; the last row's numbers.
    case finished(metrics: [String: Double])
    /// It was asked to stop; its state is saved and goes on from there.
    case interrupted(step: Int)
    /// Someone stopped it on its W&B page.
    case stopped(step: Int)
}

/// Why a run cannot go on.
public enum RunError: Error, Equatable, CustomStringConvertible {
    /// The spec can never run as it is: wrong config, target or weights.
    case invalid(String)
    /// This attempt failed.
    case failed(String)
    /// The disk or the quota is full: no fault of the run's, which goes on once there is room.
    case outOfRoom(String)

    /// One readable line.
    public var description: String {
        switch self {
        case .invalid(let reason), .failed(let reason), .outOfRoom(let reason): reason
        }
    }
}

/// Whose a run's files are, as far as an attempt at it knows.
public enum FileOwnership: Sendable, Equatable {
    /// This attempt's.
    case ours
    /// The state could not be asked for a while: somebody else may have taken over, or not.
    case unknown
    /// Another attempt's: nothing more may be written to them.
    case lost
}

/// What a run is told from outside while it goes on, and whom it tells.
public struct RunHooks: Sendable {
    /// Whether to save the state and stop; asked between steps, so it must be quick.
    public var shouldStop: @Sendable () -> Bool
    /// Whose the run's files are; asked between steps, so it must be quick.
    public var ownership: @Sendable () -> FileOwnership
    /// Asked before anything is allocated, with the bytes that the run needs, whether to begin.
    ///
    /// It may wait, and throws for a run that does not fit.
    public var admit: @Sendable (_ bytes: Int) throws(RunError) -> Bool = { _ in true }
    /// Hears of progress; called every few tenths of a second, from the thread that runs.
    public var progress: @Sendable (RunProgress) -> Void
    /// Hears lines for people.
    public var say: @Sendable (String) -> Void

    /// Creates hooks.
    public init(
        shouldStop: @escaping @Sendable () -> Bool, ownership: @escaping @Sendable () -> FileOwnership = { .ours },
        progress: @escaping @Sendable (RunProgress) -> Void,
        say: @escaping @Sendable (String) -> Void
    ) {
        self.shouldStop = shouldStop
        self.ownership = ownership
        self.progress = progress
        self.say = say
    }
}
