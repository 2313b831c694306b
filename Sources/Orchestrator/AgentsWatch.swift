import Jobs
import Slurm
import Store

/// Whether anybody still works on a job, as far as can be known from here.
struct AgentsWatch {
    let slurm: SlurmCommands
    private var queue: (outlook: Outlook, time: ContinuousClock.Instant)?

    /// SLURM's controller is asked at most this often.
    private static let queuePause = Duration.seconds(30)

    /// An agent at work is heard of several times a minute; this long a silence is worth a question.
    private static let silence = Duration.seconds(120)

    enum Outlook: Equatable {
        /// Agents work, or will.
        case going(note: String?)
        /// All agents are gone while specs are left.
        case nobody(reason: String)

        var note: String? {
            if case .going(let note) = self { note } else { nil }
        }

        var reasonOfEnd: String? {
            if case .nobody(let reason) = self { reason } else { nil }
        }
    }

    init(slurm: SlurmCommands) { self.slurm = slurm }

    /// Looks after the agents of a job that has specs left.
    mutating func outlook(of snapshot: JobSnapshot) async -> Outlook {
        let alive = snapshot.agents.filter { $0.state != .ended && !$0.isGone(in: snapshot.job) }
        switch snapshot.job.executor {
        case .local:
            if snapshot.agents.isEmpty { return .going(note: nil) }
            return alive.isEmpty ? .nobody(reason: "every agent's process has ended") : .going(note: nil)
        case .slurm:
            // As long as one agent is heard of, SLURM need not be asked.
            if alive.contains(where: { Self.isHeard($0, at: snapshot.time) }) { return .going(note: nil) }
            if let queue, ContinuousClock.now - queue.time < Self.queuePause { return queue.outlook }
            let outlook = await askSlurm(snapshot.job)
            queue = (outlook, ContinuousClock.now)
            return outlook
        }
    }

    private static func isHeard(_ agent: Agent, at now: Timestamp) -> Bool {
        guard agent.state == .running, let heartbeat = agent.heartbeat else { return false }
        return now - heartbeat < silence
    }

    private func askSlurm(_ job: Job) async -> Outlook {
        let entries: [QueueEntry]
        do throws(SlurmError) {
            entries = try await slurm.queue(named: job.token)
        } catch {
            return .going(note: "SLURM: \(error)")
        }
        let open = entries.filter { !$0.state.isFinal }
        // A submission that is uncertain, or a moment old, may not be in the queue yet.
        guard !open.isEmpty else {
            return job.submission == .submitted
                ? .nobody(reason: "SLURM's queue holds none of its agents") : .going(note: nil)
        }
        let waiting = open.filter { $0.state == .pending }
        guard waiting.count == open.count, let first = waiting.first else { return .going(note: nil) }
        return .going(note: "\(plural(waiting.count, "agent")) waiting in SLURM's queue (\(first.reason))")
    }
}

extension Agent {
    /// Whether the agent's process has ended without a goodbye.
    ///
    /// A process on another machine can't be seen from here and gets the benefit of the doubt.
    func isGone(in job: Job) -> Bool {
        guard state != .ended, job.executor == .local, host == AgentIdentity.thisHost, let pid else {
            return false
        }
        return !ProcessCheck.isRunning(pid)
    }
}
