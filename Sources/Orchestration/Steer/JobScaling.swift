import Artifacts
import Jobs
import Slurm
import Store

/// Gives a job more agents now, or fewer after their current runs.
package struct JobScaling {
    package let launch: AgentLaunch
    package let count: Int

    package init(launch: AgentLaunch, count: Int) {
        (self.launch, self.count) = (launch, count)
    }

    /// What has come of it.
    package struct Result: Encodable {
        package let job: Int64
        /// How many agents it is to have.
        package let agents: Int
        /// How many were started or queued.
        package let started: Int
        /// How many end after their current runs.
        package let leaving: Int
        /// How many were taken out of SLURM's queue.
        package let withdrawn: Int
        package let warnings: [String]

        package var text: String {
            var parts: [String] = []
            if started > 0 { parts.append("\(plural(started, "agent")) started") }
            if withdrawn > 0 { parts.append("\(plural(withdrawn, "agent")) taken out of SLURM's queue") }
            if leaving > 0 { parts.append("\(plural(leaving, "agent")) to end after the current runs") }
            return "Job \(job): \(parts.isEmpty ? "has \(plural(agents, "agent"))" : parts.joined(separator: ", "))"
        }
    }

    private var job: Job { launch.job }

    /// Does it.
    ///
    /// - Throws: ``Failure``, `StoreError`: then the job has as many agents as before, or those that could be started.
    package func perform() async throws -> Result {
        // Two at once would count the same agents, and each remove the surplus.
        let lock = try await turn()
        defer { lock.release() }
        guard try !launch.store.openWork(of: job.id).isNone else { throw StoreError.finished(job.id) }
        let queue = job.executor == .slurm ? try await queue() : nil
        let waiting = queue?.entries.filter { $0.state == .pending }.map(\.name) ?? []
        let now = Timestamp.now()
        // Those known to be gone no longer count; a silent one may be working.
        let alive = try launch.store.agents(of: job.id).filter { agent in
            guard agent.state != .ended else { return false }
            // SLURM was asked for just this: there is no waiting for what it no longer has.
            if let queue, agent.slurm.job != nil {
                return queue.entry(of: agent.slurm, in: job).map { !$0.state.isFinal } ?? false
            }
            return !AgentVerdict(agent, in: job, queue: nil, at: now).isGone
        }
        let surplus = max(0, alive.count + waiting.count - count)
        let withdrawn = Array(waiting.suffix(surplus))
        let scaling = try launch.store.scale(
            job.id, to: count, alive: alive.map(\.id), waiting: waiting.count - withdrawn.count)
        var warnings: [String] = []
        if !withdrawn.isEmpty {
            do throws(SlurmError) { try await launch.slurm.cancelPending(tasks: withdrawn) } catch {
                warnings.append("SLURM: \(error); agents that still start will end at once")
            }
        }
        let missing = count - scaling.staying - (waiting.count - withdrawn.count)
        var started = 0
        if missing > 0 {
            let options = try launch.store.sbatchCalls(of: job.id).last?.options ?? job.options
            let result = try await Resumption(launch: launch, wanted: missing, options: options).start()
            (started, warnings) = (result.agents, warnings + result.warnings)
        }
        return Result(
            job: job.id.rawValue, agents: count, started: started, leaving: scaling.leaving,
            withdrawn: withdrawn.count, warnings: warnings)
    }

    /// Waits for another process that changes the job's number of agents.
    private func turn() async throws -> FileLock {
        let lock = try await FileLock.waiting(for: job.folder.scaleLock, atMost: .seconds(60)) {
            try Interruption.check()
        }
        guard let lock else {
            throw Failure.failed("another process is scaling job \(job.id); try again later")
        }
        return lock
    }

    /// What SLURM currently says about the job's agents.
    private func queue() async throws -> QueueView {
        let asked = Timestamp.now()
        let entries = try await launch.slurm.queue(named: job.token, scripts: job.folder.scripts)
        return QueueView(asked: asked, time: asked, entries: entries, problem: nil)
    }
}
