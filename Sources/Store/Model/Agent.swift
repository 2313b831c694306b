import Artifacts
import Glibc

/// Where an agent stands, as it said itself.
public enum AgentState: String, Sendable, Codable {
    /// Its process is being started.
    case starting
    /// It has registered.
    case running
    /// It has said goodbye.
    case ended
}

/// One process that claims specs of a job.
public struct Agent: Sendable, Equatable, Identifiable {
    /// The agent's number in the state file.
    public let id: AgentID
    /// The job whose specs it claims.
    public let job: JobID
    /// Its number in the job, from 1; an array's task has the task's, unless an earlier agent had it.
    public let number: Int
    /// What it last said.
    public let state: AgentState
    /// The node it runs on.
    public let host: String?
    /// Its process on that node.
    public let pid: Int32?
    /// SLURM's numbers for it.
    public let slurm: SlurmPlace
    /// A run it holds.
    public let run: RunID?
    /// How many runs it holds: one per slot at most.
    public let runCount: Int
    /// When it was started.
    public let started: Timestamp
    /// When it last reported.
    public let heartbeat: Timestamp?
    /// When SLURM will end it, if there is a limit.
    public let allocationEnd: Timestamp?
    /// When it said goodbye.
    public let ended: Timestamp?
    /// Why it ended.
    public let reason: String?
    /// How often the kernel of its node had killed a process for memory when it registered.
    public let memoryKills: Int?
    /// Whether it said no goodbye: others have found out that it is gone.
    public let isLost: Bool
    /// What its process has used so far, if reported.
    public let usage: Usage?
    /// Whether it ends after its current runs, because the job was scaled down.
    public let isLeaving: Bool
    /// Whether SLURM was asked to start it again.
    public let isReplaced: Bool
}

/// SLURM's numbers for a process, as SLURM puts them into its environment.
public struct SlurmPlace: Sendable, Equatable {
    /// `SLURM_JOB_ID`.
    public var job: Int64?
    /// `SLURM_ARRAY_JOB_ID`.
    public var arrayJob: Int64?
    /// `SLURM_ARRAY_TASK_ID`.
    public var arrayTask: Int64?

    /// The numbers that `environment` holds.
    public init(environment: [String: String]) {
        job = environment["SLURM_JOB_ID"].flatMap(Int64.init)
        arrayJob = environment["SLURM_ARRAY_JOB_ID"].flatMap(Int64.init)
        arrayTask = environment["SLURM_ARRAY_TASK_ID"].flatMap(Int64.init)
    }

    init(job: Int64?, arrayJob: Int64?, arrayTask: Int64?) {
        self.job = job
        self.arrayJob = arrayJob
        self.arrayTask = arrayTask
    }
}

/// What a process says about itself when it becomes an agent.
public struct AgentIdentity: Sendable {
    /// The variable by which a local agent learns the number that its launcher gave it.
    public static let variable = "SPD_AGENT_ID"

    var given: AgentID?
    var host: String
    var pid: Int32
    var slurm: SlurmPlace
    var memoryKills: Int?

    /// Describes an agent's process; `given` is the number its launcher gave it, `memoryKills` how often its node's
    /// kernel has killed a process for memory so far.
    public init(given: AgentID? = nil, host: String, pid: Int32, slurm: SlurmPlace, memoryKills: Int? = nil) {
        self.given = given
        self.host = host
        self.pid = pid
        self.slurm = slurm
        self.memoryKills = memoryKills
    }

    /// This process, as the system and `environment` describe it.
    public init(environment: [String: String]) {
        let given = environment[Self.variable].flatMap(Int64.init).map(AgentID.init)
        // SLURM's name for the node is the one that `--exclude` takes.
        let node = given == nil ? environment["SLURMD_NODENAME"] : nil
        self.init(
            given: given, host: node ?? Self.thisHost, pid: getpid(), slurm: SlurmPlace(environment: environment),
            memoryKills: MemoryKills.count)
    }

    /// This machine's short name.
    public static var thisHost: String { ThisMachine.shortName }
}
