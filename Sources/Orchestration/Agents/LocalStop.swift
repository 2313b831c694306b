import Foundation
import Glibc
import Jobs
package import Store

/// Stops a job's agents on this machine when the user presses ^C: gracefully, and at once on a second ^C.
package struct LocalStop {
    package let job: Job
    package let store: Store

    package init(job: Job, store: Store) {
        self.job = job
        self.store = store
    }

    /// Asks the agents to save and end, and waits until they have.
    package func perform() async throws {
        let worker = job.folder.worker
        var pids = try store.agents(of: job.id).compactMap { agent in
            agent.state != .ended && agent.host == AgentIdentity.thisHost ? agent.pid : nil
        }
        pids = pids.filter { LocalAgents.signal($0, SIGTERM, running: worker) }
        if !pids.isEmpty {
            print("\nStopping \(plural(pids.count, "agent")): they save their runs' states (^C again: at once)")
            fflush(nil)
        }
        while !pids.isEmpty {
            try await Task.sleep(for: .milliseconds(100))
            pids = pids.filter { ProcessCheck.isRunning($0) }
            guard Interruption.isUrgent else { continue }
            for pid in pids { _ = LocalAgents.signal(pid, SIGKILL, running: worker) }
            break
        }
        print("Job \(job.id) is stopped; `orchestrator resume \(job.id)` continues it.")
    }
}
