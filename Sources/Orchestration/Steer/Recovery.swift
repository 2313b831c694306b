import Artifacts
import Foundation
import Glibc
import Jobs
package import Slurm
package import Store
import WandB

/// Repairs what a dead command or agent left half done: every command begins with it.
package struct Recovery {
    package let cache: CacheFolder
    package let environment: [String: String]
    package let slurm: SlurmCommands

    /// Finds out about interrupted submissions, and finishes jobs whose last agent could not.
    ///
    /// Runs that W&B's own `wandb sync` has sent meanwhile are recorded as sent.
    ///
    /// If there is nothing to repair, this only takes a few looks at the state file. What was done or is not known yet goes to
    /// standard error; nothing of it keeps the command from going on.
    package func perform(in store: Store) async {
        do {
            for id in try store.jobsWithOpenSbatchCalls() { await tell { try await startAgents(of: id, store) } }
            for id in try store.jobsWithNeedlessSbatchCalls() { await tell { try closeSbatchCalls(of: id, store) } }
            for id in try store.jobsWithUnstartedAgents() { await tell { try endUnstartedAgents(id, store) } }
            for id in try store.jobsToFinish() {
                await tell {
                    try await JobEnd(
                        store: store, job: try store.job(id), slurm: slurm, environment: environment
                    ).perform()
                }
            }
            await tell { try noteSentElsewhere(store) }
        } catch {
            // The command itself will hit the same obstacle and report it.
        }
    }

    private func tell(_ body: () async throws -> [String]) async {
        do {
            for note in try await body() { printError(note) }
        } catch {
            printError(Failure(error).message)
        }
    }

    private func noteSentElsewhere(_ store: Store) throws -> [String] {
        let unsent = try store.unsentRuns()
        guard !unsent.isEmpty else { return [] }
        let marked = try SpoolFiles.marked(in: cache.wandb)
        let sent = try unsent.filter { id in
            guard marked.contains(id.rawValue) else { return false }
            return try SpoolFiles(folder: cache.folder(of: id).spool, offlineFolders: cache.wandb)?.isSent ?? false
        }
        try store.note(sent, areUnsent: false)
        return []
    }

    private func startAgents(of id: JobID, _ store: Store) async throws -> [String] {
        let before = try store.sbatchCalls(of: id)
        let job = try store.job(id)
        let launch = AgentLaunch(job: job, store: store, cache: cache, environment: environment, slurm: slurm)
        // A process that is submitting right now holds the lock and needs no help.
        guard let lock = try FileLock(path: job.folder.launchLock) else { return [] }
        lock.release()
        let notes: [String]
        do {
            notes = try await launch.startOnSlurm()
        } catch {
            return ["job \(id): its submission was interrupted, and \(error); `orchestrator resume \(id)` tries again"]
        }
        let after = try store.sbatchCalls(of: id)
        let mended = after.filter { call in
            call.state == .submitted && before.contains { $0.id == call.id && $0.state.isOpen }
        }
        return mended.map {
            "job \(id): its submission was interrupted; SLURM has it as batch job \($0.slurmJobID ?? 0)"
        } + notes
    }

    /// Settles what a submission that was interrupted has left open, once the job has nothing left for agents to do.
    private func closeSbatchCalls(of id: JobID, _ store: Store) throws -> [String] {
        try unlessLaunching(id, store) {
            try store.closeNeedlessSbatchCalls(of: id)
            return []
        }
    }

    /// Records that planned local agents were never started.
    private func endUnstartedAgents(_ id: JobID, _ store: Store) throws -> [String] {
        try unlessLaunching(id, store) {
            var count = 0
            for agent in try store.agents(of: id)
            where agent.state == .starting && agent.pid == nil && agent.host == AgentIdentity.thisHost {
                try store.agentEnded(agent.id, reason: "was never started: its command was interrupted")
                count += 1
            }
            guard count > 0, try !store.openWork(of: id).isNone else { return [] }
            return [
                "job \(id): \(plural(count, "agent")) never started, because the command was interrupted; "
                    + "`orchestrator resume \(id)` starts agents"
            ]
        }
    }

    /// Repairs something of a job unless a process is starting agents of it at this moment.
    ///
    /// Nobody can be if the job's folder is gone. A folder that is another user's is left to that user's commands.
    private func unlessLaunching(
        _ id: JobID, _ store: Store, _ repair: () throws -> [String]
    ) throws -> [String] {
        let path = try store.job(id).folder.launchLock
        let lock: FileLock?
        do throws(FileError) { lock = try FileLock(path: path) } catch {
            switch error.code {
            case ENOENT: return try repair()
            case EACCES, EPERM: return []
            default: throw error
            }
        }
        guard let lock else { return [] }
        defer { lock.release() }
        return try repair()
    }
}
