import Glibc
import Jobs
package import Slurm
package import Store

/// Ends the agents of a job that has nothing left for them to do.
package struct AgentsEnd {
    package let job: Job
    package let store: Store
    package let slurm: SlurmCommands

    package init(job: Job, store: Store, slurm: SlurmCommands) {
        self.job = job
        self.store = store
        self.slurm = slurm
    }

    /// Asks the agents to end.
    ///
    /// Those that can't be reached find out for themselves: their next write is refused, and no spec is left.
    ///
    /// - Returns: Messages, and why agents in SLURM's queue are still there.
    package func perform() async throws -> (notes: [String], problem: String?) {
        switch job.executor {
        case .local:
            let alive = try store.agents(of: job.id).filter { $0.state != .ended && !$0.isGone(in: job) }
            let here = alive.filter { $0.host == AgentIdentity.thisHost }
            let worker = job.folder.worker
            let stopped = here.filter { agent in
                agent.pid.map { LocalAgents.signal($0, SIGTERM, running: worker) } ?? false
            }
            let away = Set(alive.compactMap(\.host)).subtracting([AgentIdentity.thisHost])
            let notes = stopped.isEmpty ? [] : ["\(plural(stopped.count, "local agent")) asked to end"]
            return (notes + away.sorted().map { "The agents on \($0) will find out within seconds" }, nil)
        case .slurm:
            let isBegun = try store.sbatchCalls(of: job.id).contains { $0.begun != nil || $0.slurmJobID != nil }
            guard isBegun || job.submission != .stored else { return ([], nil) }
            do throws(SlurmError) {
                try await slurm.cancel(named: job.token, scripts: job.folder.scripts)
                return (["scancel --name \(job.token): its agents end"], nil)
            } catch {
                let problem =
                    "\(error); job \(job.id)'s agents are still in SLURM's queue, and will end within seconds of their "
                    + "start: `scancel --name \(job.token)` takes them out"
                return ([], problem)
            }
        }
    }
}
