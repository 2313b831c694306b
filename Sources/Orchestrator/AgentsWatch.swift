import Jobs
import Slurm
import Store

/// Whether anybody still works on a job, as far as can be known from here.
struct AgentsWatch {
    let queue: QueueCache

    /// What is thought of a job's agents.
    struct Outlook: Equatable {
        /// By agent, in their order.
        var verdicts: [AgentVerdict]
        /// What to tell of agents that wait in SLURM's queue.
        var notes: [String] = []
        /// Why nobody works on the job any more, though specs are left.
        var reasonOfEnd: String?
    }

    /// Looks after the agents of a job; SLURM is asked only if somebody is silent or has yet to come.
    ///
    /// - Parameters:
    ///   - snapshot: The job.
    ///   - refresh: Whether the user wants SLURM to be asked whatever is known.
    /// - Returns: What is thought of them.
    func outlook(of snapshot: JobSnapshot, refresh: Bool = false) async -> Outlook {
        let job = snapshot.job
        func verdicts(_ view: QueueView?) -> [AgentVerdict] {
            snapshot.agents.map { AgentVerdict($0, in: job, queue: view, at: snapshot.time) }
        }
        var outlook = Outlook(verdicts: verdicts(nil))
        let isOpen = snapshot.counts.settled < snapshot.counts.total
        guard job.executor == .slurm else {
            if isOpen, !outlook.verdicts.isEmpty, !outlook.verdicts.contains(where: \.mayWork) {
                outlook.reasonOfEnd = "every agent's process has ended"
            }
            return outlook
        }
        let submitted = snapshot.launches.filter { $0.state == .submitted }
        let expected = submitted.reduce(0) { $0 + $1.agents }
        let isDoubtful =
            expected > snapshot.agents.count || !outlook.verdicts.contains(.working)
            || outlook.verdicts.contains { $0.reason != nil }
        guard refresh || (isOpen && isDoubtful) else { return outlook }
        // A queue from before the last submission knows nothing of it.
        let view = await queue.view(since: submitted.compactMap(\.begun).max(), refresh: refresh)
        outlook.verdicts = verdicts(view)
        guard let view else { return outlook }
        if let problem = view.problem { outlook.notes.append("SLURM: \(problem)") }
        let entries = view.entries(of: job).filter { !$0.state.isFinal }
        outlook.notes += Self.waiting(entries)
        let isHeard = outlook.verdicts.contains { $0 == .working || $0 == .starting }
        if isOpen, !isHeard, entries.isEmpty, view.problem == nil, !snapshot.launches.contains(where: \.state.isOpen) {
            outlook.reasonOfEnd = "SLURM's queue holds none of its agents"
        }
        return outlook
    }

    /// One line for each reason that agents wait for.
    private static func waiting(_ entries: [QueueEntry]) -> [String] {
        let waiting = Dictionary(grouping: entries.filter { $0.state == .pending }, by: \.reason)
        return waiting.sorted { $0.key < $1.key }.map { reason, entries in
            var line = "\(plural(entries.count, "agent")) waiting in SLURM's queue (\(reason))"
            if let obstacle = entries[0].obstacle { line += ": \(obstacle)" }
            return line
        }
    }
}

extension AgentVerdict {
    /// Whether the agent may be at work, or come to it.
    var mayWork: Bool {
        switch self {
        case .starting, .working, .silent: true
        case .ended, .gone: false
        }
    }
}

extension Agent {
    /// Whether the agent's process has ended without a goodbye, as far as can be seen from here.
    func isGone(in job: Job) -> Bool {
        if case .gone = AgentVerdict(self, in: job, queue: nil, at: .now()) { true } else { false }
    }
}
