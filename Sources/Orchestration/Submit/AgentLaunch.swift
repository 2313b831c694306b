import Artifacts
import Foundation
package import Slurm
package import Store

/// Starts agents of a stored job: its first ones and those that are added later.
package struct AgentLaunch {
    package let job: Job
    package let store: Store
    package let cache: CacheFolder
    package let environment: [String: String]
    package let slurm: SlurmCommands

    package init(job: Job, store: Store, cache: CacheFolder, environment: [String: String], slurm: SlurmCommands) {
        self.job = job
        self.store = store
        self.cache = cache
        self.environment = environment
        self.slurm = slurm
    }

    /// The folder that the agents run in: the one that the user was in, if it is still there.
    package var workingFolder: String {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: job.submittedFrom, isDirectory: &isFolder)
        return exists && isFolder.boolValue ? job.submittedFrom : job.folder.path
    }

    /// A batch script that starts agents of job `id`.
    package static func script(
        for id: JobID, named token: String, agentCount: Int, options: JobOptions, in folder: String,
        layout: JobFolder, cache: CacheFolder
    ) throws(Failure) -> BatchScript {
        for path in [folder, cache.path] where path.contains(where: \.isNewline) {
            throw .badInput(
                "SLURM can't run jobs in a folder whose name has a line break: \(path.debugDescription)")
        }
        return BatchScript(
            name: token, agentCount: agentCount, resources: options.resources,
            warning: SlurmTime.warning(before: options.resources["time"].flatMap(SlurmTime.duration)),
            workingDirectory: folder, logs: layout.logs,
            variables: [.init("SPD_CACHE_DIR", cache.path)]
                + LocalAgents.threadVariables(1).map { .init($0.name, $0.value) },
            command: layout.command(for: id))
    }

    /// The arrays for this many agents: one, unless SLURM's configuration asks for smaller ones.
    ///
    /// - Parameters:
    ///   - agents: How many.
    ///   - slurm: Asked for the largest array, if there is to be one.
    ///   - first: The number of the first array's script.
    /// - Returns: Each array's script and number of agents.
    /// - Throws: Why SLURM's configuration can't be read.
    package static func arrays(
        of agents: Int, _ slurm: SlurmCommands, first: Int = 1
    ) async throws(Failure) -> [(script: String, agents: Int)] {
        let largest: Int
        do throws(SlurmError) { largest = agents > 1 ? try await slurm.largestArray() : 1 } catch {
            throw Failure(error)
        }
        let count = (agents + largest - 1) / largest
        return (0..<count).map { index in
            // About equal parts.
            let part = agents * (index + 1) / count - agents * index / count
            return (JobFolder.script(first + index), part)
        }
    }

    /// Starts agents that are stored as `starting` on this machine; as long as one has started, all is well.
    ///
    /// They run in this process's current folder.
    ///
    /// - Parameters:
    ///   - agents: The agents.
    ///   - options: What they get; `nil` for what the job's first ones got.
    /// - Returns: Warnings.
    /// - Throws: Why none can be started.
    package func startLocally(_ agents: [Agent], options: JobOptions? = nil) throws -> [String] {
        let layout = job.folder
        // While it is held nobody takes these agents for forgotten.
        let lock = try FileLock(path: layout.launchLock)
        defer { lock?.release() }
        var variables = environment
        variables["SPD_CACHE_DIR"] = cache.path
        let threads = LocalAgents.threads(forAgents: agents.count, cores: LocalAgents.cores)
        for (name, value) in LocalAgents.threadVariables(threads) { variables[name] = value }
        variables["SPD_AGENT_CORES"] = String(threads)
        var processes: [(agent: AgentID, pid: pid_t)] = []
        var warnings: [String] = []
        for (index, agent) in agents.enumerated() {
            variables[AgentIdentity.variable] = agent.id.description
            do {
                let pid = try LocalAgents.start(
                    layout.command(for: job.id) + (options ?? job.options).workerArguments(besides: job.options),
                    environment: variables,
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

    /// Records what has happened to agents; it has happened even if it can't be recorded.
    package func noting(_ body: () throws -> Void) -> [String] {
        do {
            try body()
            return []
        } catch {
            return ["the state file does not yet know what became of the agents: \(Failure(error).message)"]
        }
    }
}

extension JobOptions {
    /// The worker's arguments for options that differ from those in the job's row.
    package func workerArguments(besides stored: JobOptions) -> [String] {
        var arguments: [String] = []
        if slots != stored.slots { arguments += ["--slots", slots.text] }
        if threads != stored.threads, let threads { arguments += ["--threads", String(threads)] }
        return arguments
    }

    /// How many agents can be useful for this many runs: each trains as many at once as it has slots.
    package func agentsOfUse(for runs: Int) -> Int {
        guard case .count(let slots) = slots else { return max(1, runs) }
        return max(1, (runs + slots - 1) / slots)
    }
}

extension JobOptions.Slots {
    /// As on a command line.
    package var text: String {
        switch self {
        case .auto: "auto"
        case .count(let count): String(count)
        }
    }
}
