import Foundation
import Slurm
import Store

/// Starts agents of a stored job: its first ones and those that are added later.
struct AgentLaunch {
    let job: Job
    let store: Store
    let cache: CacheFolder
    let environment: [String: String]
    let slurm: SlurmCommands

    /// The folder that the agents run in: the one that the user was in, if it is still there.
    var workingFolder: String {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: job.submittedFrom, isDirectory: &isFolder)
        return exists && isFolder.boolValue ? job.submittedFrom : job.folder
    }

    /// The batch script that starts agents of job `id`, on other nodes than the excluded ones.
    static func script(
        for id: JobID, named token: String, agentCount: Int, excluding nodes: String?, in folder: String,
        layout: JobFolder.Layout, cache: CacheFolder
    ) throws(Failure) -> BatchScript {
        for path in [folder, cache.path] where path.contains(where: \.isNewline) {
            throw .badInput(
                "SLURM can't run jobs in a folder whose name has a line break: \(path.debugDescription)")
        }
        return BatchScript(
            name: token, agentCount: agentCount, resources: nodes.map { ["exclude": $0] } ?? [:],
            workingDirectory: folder,
            logs: layout.logs,
            variables: [.init("SPD_CACHE_DIR", cache.path)]
                + LocalAgents.threadVariables(1).map { .init($0.name, $0.value) },
            command: layout.command(for: id))
    }

    /// Starts agents that are stored as `starting` on this machine; as long as one has started, all is well.
    ///
    /// They run in this process's current folder.
    ///
    /// - Returns: Warnings.
    func startLocally(_ agents: [Agent]) throws -> [String] {
        let layout = JobFolder.Layout(path: job.folder)
        var variables = environment
        variables["SPD_CACHE_DIR"] = cache.path
        let threads = LocalAgents.threads(forAgents: agents.count, cores: LocalAgents.cores)
        for (name, value) in LocalAgents.threadVariables(threads) { variables[name] = value }
        var processes: [(agent: AgentID, pid: pid_t)] = []
        var warnings: [String] = []
        for (index, agent) in agents.enumerated() {
            variables[AgentIdentity.variable] = agent.id.description
            do {
                let pid = try LocalAgents.start(
                    layout.command(for: job.id), environment: variables,
                    log: layout.log(ofAgent: agent.number))
                processes.append((agent.id, pid))
            } catch {
                guard index > 0 else { throw error }
                warnings.append(
                    "only \(index) of \(agents.count) agents could be started: \(Failure(error).message)")
                break
            }
        }
        warnings += noting {
            for process in processes { try store.noteProcess(process.pid, of: process.agent) }
            for agent in agents.dropFirst(processes.count) {
                try store.agentEnded(agent.id, reason: "could not be started")
            }
            try store.markSubmitted(job.id)
        }
        return warnings
    }

    /// Queues a batch script.
    ///
    /// - Parameters:
    ///   - script: The script's file.
    ///   - known: What SLURM has taken for this job before.
    /// - Returns: Warnings.
    /// - Throws: Why SLURM did not take it.
    func startOnSlurm(scriptAt script: String, besides known: Set<SlurmJobID> = []) async throws -> [String] {
        do {
            let number = try await slurm.submit(scriptAt: script, name: job.token, besides: known)
            return noting { try store.markSubmitted(job.id, slurmJobID: number.rawValue) }
        } catch {
            guard case .uncertain = error else { throw error }
            let advice = "the specs of job \(job.id) are stored, don't submit them again before you know"
            return ["\(error); \(advice)"] + noting { try store.markUncertain(job.id) }
        }
    }

    /// Notes what has happened to agents; it has happened even if that can't be noted.
    private func noting(_ body: () throws -> Void) -> [String] {
        do {
            try body()
            return []
        } catch {
            return ["the state file does not know yet what became of the agents: \(Failure(error).message)"]
        }
    }
}
