public import Slurm
public import Store

/// The verdict on an agent, from its lease, SLURM's word and the end of its allocation.
///
/// An agent that is silent is taken for gone only when something says so; what is unknown stays unknown.
public enum AgentVerdict: Sendable, Equatable {
    /// Its process is being started.
    case starting
    /// It reported recently.
    case working
    /// It has said goodbye.
    case ended
    /// SLURM has suspended it; it continues when SLURM lets it.
    case suspended(String)
    /// It is silent, and nobody knows why; what is known stands in the text.
    case silent(String)
    /// It is gone, and the text says how that is known.
    case gone(String)

    /// A working agent reports several times a minute.
    private static let patience = Duration.seconds(90)
    /// A working agent is hardly ever silent this long: if SLURM then says that it is not running, believe it.
    public static let missedRenewals = Duration.seconds(25)

    /// Judges an agent.
    ///
    /// - Parameters:
    ///   - agent: The agent as it is in the state file.
    ///   - job: Its job.
    ///   - queue: SLURM's queue, if it was asked.
    ///   - now: The present moment by the clock that reads the state file.
    public init(_ agent: Agent, in job: Job, queue: QueueView?, at now: Timestamp) {
        switch agent.state {
        case .ended: self = .ended
        case .starting:
            self = .starting
            if job.executor == .local { checkProcess(of: agent) }
        case .running:
            let silence = agent.heartbeat.map { now - $0 } ?? .zero
            self = .working
            guard job.executor == .slurm else {
                if silence >= Self.patience { self = .silent("lease \(Self.age(silence)) old") }
                checkProcess(of: agent)
                return
            }
            guard silence >= Self.patience || Self.isKnownNotToWork(agent, in: job, silence, queue) else { return }
            self = Self.judge(agent, in: job, silence, queue, now)
        }
    }

    /// The word for it: `starting`, `working`, `suspended`, `ended`, `silent` or `gone`.
    public var word: String {
        switch self {
        case .starting: "starting"
        case .working: "working"
        case .ended: "ended"
        case .suspended: "suspended"
        case .silent: "silent"
        case .gone: "gone"
        }
    }

    /// What is known, if there is a doubt.
    public var reason: String? {
        switch self {
        case .suspended(let text), .silent(let text), .gone(let text): text
        default: nil
        }
    }

    /// Whether its process ended without a goodbye, as far as can be seen from this machine.
    private mutating func checkProcess(of agent: Agent) {
        guard agent.host == AgentIdentity.thisHost, let pid = agent.pid else { return }
        // One that reported recently is an agent, if it still runs.
        guard !(self == .working ? ProcessCheck.isRunning(pid) : ProcessCheck.isAgent(pid)) else { return }
        self = .gone("its process \(pid) has ended without a word" + Self.memoryWords(of: agent))
    }

    /// What the kernel's count says about the end of an agent of this machine, to follow other words; nothing if it is
    /// not known to have run out of memory.
    public static func memoryWords(of agent: Agent) -> String {
        guard let before = agent.memoryKills, let now = MemoryKills.count, now > before else { return "" }
        return ", probably killed for memory: since it started the kernel has killed "
            + "\(now - before == 1 ? "a process" : "\(now - before) processes") on this machine for that"
    }

    /// Whether SLURM, asked after the agent's last report, says that it has ended or is suspended.
    private static func isKnownNotToWork(
        _ agent: Agent, in job: Job, _ silence: Duration, _ queue: QueueView?
    ) -> Bool {
        guard silence >= missedRenewals, let queue, let time = queue.time, let heartbeat = agent.heartbeat,
            time >= heartbeat, let state = queue.entry(of: agent.slurm, in: job)?.state
        else { return false }
        return state.isFinal || state.isSuspended
    }

    private static func judge(
        _ agent: Agent, in job: Job, _ silence: Duration, _ queue: QueueView?, _ now: Timestamp
    ) -> AgentVerdict {
        var facts = ["lease \(age(silence)) old"]
        let name =
            agent.slurm.arrayJob.flatMap { array in agent.slurm.arrayTask.map { "\(array)_\($0)" } }
            ?? agent.slurm.job.map(String.init) ?? "its job"
        var isOver = false
        if let end = agent.allocationEnd, end < now {
            facts.append("its allocation ended \(age(now - end)) ago")
            isOver = true
        }
        guard let queue else { return .silent(facts.joined(separator: ", ")) }
        if let entry = queue.entry(of: agent.slurm, in: job) {
            let nodes = entry.nodes.isEmpty ? agent.host : entry.nodes
            let words = SlurmEnding(entry)?.words ?? entry.state.rawValue
            facts.append("\(name) \(words)" + (nodes.map { " on \($0)" } ?? ""))
            if entry.state.isSuspended { return .suspended("SLURM has suspended it: " + facts.joined(separator: ", ")) }
            return entry.state.isFinal ? .gone(facts.joined(separator: ", ")) : .silent(facts.joined(separator: ", "))
        }
        if let problem = queue.problem { return .silent((facts + ["SLURM: \(problem)"]).joined(separator: ", ")) }
        facts.append("\(name) is no longer in SLURM's queue")
        // SLURM forgets a job some minutes after its end; before that it would still be shown.
        return isOver || silence > .seconds(600)
            ? .gone(facts.joined(separator: ", ")) : .silent(facts.joined(separator: ", "))
    }

    private static func age(_ duration: Duration) -> String {
        let seconds = Int(duration / .seconds(1))
        switch seconds {
        case ..<120: return "\(max(0, seconds)) s"
        case ..<7200: return "\(seconds / 60) min"
        default: return "\(seconds / 3600) h"
        }
    }
}

extension QueueEntry {
    /// Why the job will not start or continue on its own, in words, if that is so.
    public var obstacle: String? {
        guard state == .pending else { return Self.halts[state.rawValue] }
        if reason.contains("requeued held") || reason.contains("requeued_held") {
            return "it failed to start and is held; `scontrol release` releases it"
        }
        if reason.contains("requeued in held state") { return Self.halts["REQUEUE_HOLD"] }
        if let words = Self.obstacles[String(reason.prefix { $0.isLetter })] { return words }
        if reason.hasPrefix("Nodes required") { return "the nodes it needs are not available" }
        let isLimit = ["Assoc", "QOS"].contains { reason.hasPrefix($0) }
        if isLimit, reason.contains("PerJob") || reason.contains("WallDuration") {
            return "it asks for more than its account or QOS allows per job"
        }
        return isLimit && reason.contains("Minutes") ? "the account or QOS has no time left" : nil
    }

    /// By the reason for which a job waits.
    private static let obstacles = [
        "DependencyNeverSatisfied": "what it depends on has failed",
        "PartitionConfig": "the partition has no such nodes", "PartitionNodeLimit": "the partition is too small",
        "PartitionTimeLimit": "it asks for more time than the partition allows",
        "PartitionDown": "the partition is down", "PartitionInactive": "the partition is inactive",
        "JobHeldUser": "it is held; `scontrol release` releases it", "JobHeldAdmin": "an administrator holds it",
        "JobHoldMaxRequeue": "it was requeued too often and is held; `scontrol release` releases it",
        "AccountNotAllowed": "the account may not use the partition", "InvalidAccount": "the account is not valid",
        "InvalidQOS": "the QOS is not valid", "QOSNotAllowed": "the partition does not accept the QOS",
        "ReqNodeNotAvail": "the nodes it needs are not available", "BadConstraints": "no node has what it asks for",
        "MaxMemPerLimit": "it asks for more memory per core than the site allows",
        "ReservationDeleted": "its reservation was deleted", "DeadLine": "its deadline has passed",
    ]

    /// By a state in which a job neither waits for its turn nor runs.
    private static let halts = [
        "LAUNCH_FAILED": "its node could not start it; does the node see the folders of the job and of its log?",
        "REQUEUE_HOLD": "it was requeued and is held; `scontrol release` releases it",
        "RESV_DEL_HOLD": "its reservation was deleted and it is held; `scontrol release` releases it",
        "REVOKED": "another cluster of the federation has taken it",
        "SPECIAL_EXIT": "it ended in a way for which the site holds jobs; `scontrol release` releases it",
        "SUSPENDED": "`scontrol resume` continues it, or SLURM does so itself",
        "STOPPED": "a signal has stopped it; SIGCONT continues it",
    ]
}
