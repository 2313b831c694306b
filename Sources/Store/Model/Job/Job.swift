/// Who starts a job's agents.
public enum ExecutorKind: String, Sendable, Codable {
    /// Processes on the machine that submitted.
    case local
    /// A batch job of SLURM.
    case slurm
}

/// How far the start of a job's agents has come.
public enum SubmissionState: String, Sendable, Codable {
    /// The specs are stored; nobody has been asked to start agents yet.
    case stored
    /// The agents are started, or queued by SLURM.
    case submitted
    /// SLURM was asked and could not say whether it took the job: look for the job's token in its queue.
    case uncertain
}

/// What a user submits: a list of specs and the agents that share them.
public struct Job: Sendable, Equatable, Identifiable {
    /// The job's number.
    public let id: JobID
    /// The job's unique name, SLURM's job name too.
    public let token: String
    /// What the user added to the name.
    public let suffix: String?
    /// The W&B project of its runs, if it isn't the configs' own.
    public let project: String?
    /// When the specs were stored.
    public let created: Timestamp
    /// The job's folder: worker, scripts, logs.
    public let folder: JobFolder
    /// The folder that the user was in.
    public let submittedFrom: String
    /// Who starts the agents.
    public let executor: ExecutorKind
    /// How many agents were asked for.
    public let agentCount: Int
    /// How often to retry a run after a failure that may be temporary.
    public let maxRetries: Int
    /// Whether a W&B report is wanted.
    public let createReport: Bool
    /// What was asked of its agents.
    public let options: JobOptions
    /// How far the start of the agents has come.
    public let submission: SubmissionState
    /// SLURM's number for the batch job.
    public let slurmJobID: Int64?
    /// When the user cancelled it.
    public let cancelled: Timestamp?
    /// When its last agent found everything settled and wrote the summary.
    public let finished: Timestamp?
    /// The web pages that were made for it.
    public let links: [JobLink]
    /// The name that the user has given it.
    public let title: String?
    /// The user's note.
    public let note: String?
    /// The user's tags, in order.
    public let tags: [String]
    /// When the user has held it; nil while it hands out specs.
    public let held: Timestamp?
    /// Why it hands out nothing any more: its first runs all failed for one cause.
    public let halted: String?
    /// The job that it waits for.
    public let after: JobID?
    /// How many of its runs may be working at once.
    public let maxRunning: Int?
    /// How many agents it is to have at most, since it was scaled.
    public let agentsLimit: Int?
    /// How many of its first runs must fail for one cause to halt it.
    public let failFast: Int?
    /// The `key=value` pairs that hold for all its specs, as its submission gave them.
    public let settings: [String]
    /// The seed of its samples and searches, where its submission gave one.
    public let sweepSeed: Int?
    /// Whether the job's worker can use the state file of today, or comes from an earlier version.
    public let hasPresentWorker: Bool
}

/// A job that is not stored yet.
public struct NewJob: Sendable {
    var token: String
    var suffix: String?
    var project: String?
    var submittedFrom: String
    var executor: ExecutorKind
    var agentCount: Int
    var maxRetries: Int
    var createReport: Bool
    var options: JobOptions
    /// The job that it waits for.
    public var after: JobID?
    /// How many of its runs may be working at once.
    public var maxRunning: Int?
    /// How many of its first runs must fail for one cause to halt it.
    public var failFast: Int?
    /// The `key=value` pairs that hold for all its specs; those that are added later take them too.
    public var settings: [String] = []
    /// The seed of its samples and searches, if one is given.
    public var sweepSeed: Int?

    /// Describes a job; `token` must be unique forever.
    public init(
        token: String, suffix: String? = nil, project: String? = nil, submittedFrom: String,
        executor: ExecutorKind, agentCount: Int, maxRetries: Int = 1, createReport: Bool = true,
        options: JobOptions = JobOptions()
    ) {
        self.token = token
        self.suffix = suffix
        self.project = project
        self.submittedFrom = submittedFrom
        self.executor = executor
        self.agentCount = agentCount
        self.maxRetries = maxRetries
        self.createReport = createReport
        self.options = options
    }
}

/// A run's task; never changes once stored, except that a search chooses the config at the first claim.
public struct Spec: Sendable, Equatable {
    /// The run that does it.
    public let run: RunID
    /// The job it belongs to.
    public let job: JobID
    /// Its place in the job, from 0.
    public let position: Int
    /// The experiment it comes from.
    public let experiment: String
    /// The whole config as JSON.
    public let config: String
    /// The config as far as it is known, as JSON: null for what a search is still to choose, for which ``config`` has
    /// placeholders.
    public let knownConfig: String
    /// What the sweep set, in the sweep file's order: a JSON array of `[path, value]` pairs of strings, the
    /// value as JSON text.
    public let overrides: String
    /// The training config of the target that the config names, as canonical JSON.
    public let target: String?
    /// The copy of the target's files that was taken when the spec was submitted, if the config names files.
    public let targetFiles: String?
    /// The definition of the search that it belongs to, if it does.
    public let search: String?
}

/// A spec that is not stored yet.
public struct NewSpec: Sendable {
    /// The experiment it comes from.
    public var experiment: String
    /// The whole config as JSON.
    public var config: String
    var overrides: String
    /// How the target is trained, if it is.
    public var target: String?
    /// The target's files, if the config names files.
    public var targetFiles: String?
    /// The length of the run.
    public var steps: Int
    /// The definition of the search that it belongs to, if it does: text that agents understand.
    public var search: String?
    /// Whether the search chooses the config when the spec is claimed.
    public var isOpen = false

    /// Describes a spec; the texts are JSON as in ``Spec``, `steps` is the length of the run.
    public init(
        experiment: String, config: String, overrides: String, target: String?, targetFiles: String? = nil, steps: Int
    ) {
        self.experiment = experiment
        self.config = config
        self.overrides = overrides
        self.target = target
        self.targetFiles = targetFiles
        self.steps = steps
    }
}
