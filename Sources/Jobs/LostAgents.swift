public import Slurm
public import Store

/// Agents of a job whose end SLURM knows of, though they have said nothing of it themselves.
public struct LostAgents: Sendable {
    private let store: Store
    private let job: Job
    private let queue: QueueCache
    private let slurm: SlurmCommands

    /// Looks after the agents of `job`; the queue's cache keeps many lookers from asking SLURM at once.
    public init(store: Store, job: Job, queue: QueueCache, slurm: SlurmCommands) {
        self.store = store
        self.job = job
        self.queue = queue
        self.slurm = slurm
    }

    /// Gives back what such agents hold, so others continue with it, and has SLURM start them again while work is left.
    ///
    /// SLURM's word is believed as soon as an agent has missed a renewal or two. Should it be wrong, as for a process on a
    /// node that SLURM has lost sight of, then the attempt's number keeps the old process from changing anything. How
    /// often agents are started again is bounded: whatever ends them may end them all.
    ///
    /// - Returns: Messages for the user.
    /// - Throws: `StoreError`.
    public func recover() async throws -> [String] {
        guard job.executor == .slurm, try !store.openWork(of: job.id).isNone else { return [] }
        let now = Timestamp.now()
        let silent = try store.agents(of: job.id).filter { agent in
            agent.state == .running && agent.heartbeat.map { now - $0 >= AgentVerdict.missedRenewals } ?? false
        }
        guard let last = silent.compactMap(\.heartbeat).max(),
            let view = await queue.view(since: last + (AgentVerdict.missedRenewals - .seconds(5)))
        else { return [] }
        var notes: [String] = []
        for agent in silent {
            guard let entry = view.entry(of: agent.slurm, in: job), entry.state.isFinal,
                case .gone = AgentVerdict(agent, in: job, queue: view, at: now)
            else { continue }
            let ending = SlurmEnding(entry, logsIn: job.folder)
            if let ending { try store.note([ending], of: job.id) }
            let reason = "\(entry.name) \(ending?.words ?? entry.state.rawValue)"
            let held = try store.buryAgent(agent.id, reason: reason)
            var note = "agent \(job.id).\(agent.number) is lost (\(reason)); it held \(held)"
            if let ending, let answer = try await replace(agent, ending) { note += "; \(answer)" }
            notes.append(note)
        }
        return notes
    }

    /// At most as many agents are started again as the job has, but a few in any case.
    private var replacementsAtMost: Int { max(3, job.agentCount) }

    private func replace(_ agent: Agent, _ ending: SlurmEnding) async throws(StoreError) -> String? {
        guard ending.mayBeReplaced, !agent.isLeaving, try store.job(job.id).halted == nil,
            try store.openWork(of: job.id).pending > 0,
            try store.noteReplacement(of: agent.id, atMost: replacementsAtMost)
        else { return nil }
        do throws(SlurmError) {
            try await slurm.requeue(ending.name)
            return "SLURM requeues it"
        } catch {
            // Sites may forbid it, for all jobs or for what ended as this one did.
            if case .refused = error {
                return try await AgentSubmission(store: store, job: job, slurm: slurm).submit(inPlaceOf: agent.slurm)
            }
            try store.noteNoReplacement(of: agent.id)
            return "SLURM does not requeue it: \(error)"
        }
    }
}
