/// Where a run stands.
public enum RunStatus: String, Sendable, Codable, CaseIterable {
    /// Waits for an agent.
    case pending
    /// An agent holds it.
    case running
    /// Finished with results.
    case done
    /// Ended by its own fault, or too often by others'.
    case failed
    /// Called off by the user.
    case cancelled
    /// Stopped early, as its sweep asks of runs that others have outdone.
    case stopped

    /// Whether nothing will happen to the run any more.
    public var isSettled: Bool { self != .pending && self != .running }
}

/// One spec's state.
public struct Run: Sendable, Equatable, Identifiable {
    /// The run's name.
    public let id: RunID
    /// The job it belongs to.
    public let job: JobID
    /// Its place in the job, from 0.
    public let position: Int
    /// The experiment it comes from.
    public let experiment: String
    /// What the sweep set for it, as in ``Spec/overrides``.
    public let overrides: String
    /// Where it stands.
    public let status: RunStatus
    /// The number of its latest attempt, 0 before the first.
    public let attempt: Int
    /// The agent of its latest attempt.
    public let agent: AgentID?
    /// How far it has come.
    public let progress: Progress
    /// The run's folder.
    public let folder: RunFolder
    /// Why it failed.
    public let error: String?
    /// Its final metrics, once it is done.
    public let metrics: NamedNumbers
    /// When its first attempt began.
    public let started: Timestamp?
    /// When it was settled.
    public let ended: Timestamp?
    /// Whether it waits until the user releases it.
    public let isHeld: Bool
    /// Runs of higher priority are claimed first.
    public let priority: Int
    /// The user's note.
    public let note: String?
    /// The user's tags, in order.
    public let tags: [String]
}

/// How far a run has come.
public struct Progress: Sendable, Equatable {
    /// The last step that was reported.
    public var step: Int
    /// The run's length.
    public var steps: Int
    /// The current speed, if it is known.
    public var stepsPerSecond: Double?
    /// The latest losses by their logged names.
    public var losses: NamedNumbers
    /// What the run has reached, where a search compares it.
    public var reached: Reached?

    /// Describes progress.
    public init(
        step: Int, steps: Int, stepsPerSecond: Double? = nil, losses: NamedNumbers = [:], reached: Reached? = nil
    ) {
        self.reached = reached
        self.step = step
        self.steps = steps
        self.stepsPerSecond = stepsPerSecond
        self.losses = losses
    }
}

/// An agent's hold on a spec: one attempt, valid until another attempt takes over.
public struct Claim: Sendable, Equatable {
    /// What to do.
    public let spec: Spec
    /// The attempt's number: the fencing token of all its writes.
    public let attempt: Int
    /// The agent that holds it.
    public let agent: AgentID
    /// The run's folder.
    public let folder: RunFolder
    /// The step that earlier attempts have reported.
    public let reachedStep: Int

    /// The run that the claim is for.
    public var run: RunID { spec.run }
}

/// How an attempt ended.
public enum AttemptOutcome: String, Sendable, Codable {
    /// The run is done.
    case done
    /// The run failed.
    case failed
    /// The agent gave the spec back.
    case released
    /// The agent fell silent and another attempt took over.
    case lost
    /// The user called it off.
    case cancelled
    /// Its sweep stopped it early.
    case stopped
}

/// One agent's try at a run.
public struct Attempt: Sendable, Equatable {
    /// The run.
    public let run: RunID
    /// The attempt's number, from 1.
    public let number: Int
    /// The agent.
    public let agent: AgentID
    /// When the agent claimed the spec.
    public let started: Timestamp
    /// Until when nobody else may claim it.
    public let leaseUntil: Timestamp
    /// When it ended.
    public let ended: Timestamp?
    /// How it ended, `nil` while it continues.
    public let outcome: AttemptOutcome?
    /// Why it ended.
    public let reason: String?
    /// The cores that it had: its agent's, divided by its slots; nil if the agent hasn't reported them.
    public let cores: Double?
    /// The CPU time that it took, in seconds.
    public let cpuSeconds: Double?
    /// The most memory that its agent held, in bytes.
    public let peakMemory: Int?
}

/// A job's remaining work.
public struct OpenWork: Sendable, Equatable {
    /// How many specs wait for an agent.
    public let pending: Int
    /// How many specs an agent holds.
    public let running: Int

    /// Whether every spec is settled.
    public var isNone: Bool { pending == 0 && running == 0 }
}
