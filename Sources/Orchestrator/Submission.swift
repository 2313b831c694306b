import Foundation
import Slurm
import Store

/// One submission: everything that is decided before anything is stored.
struct Submission {
    let plan: SweepPlan
    let cache: CacheFolder
    let environment: [String: String]
    let executor: Executor
    let slurm: SlurmCommands
    let token: String
    let suffix: String?
    let project: String?
    let agentCount: Int
    let createReport: Bool

    /// A new unique job name: `spd-k3j9x0qa`, or `spd-mine-k3j9x0qa` with a suffix.
    static func token(suffix: String?) -> String {
        var generator = SystemRandomNumberGenerator()
        let unique = RunID.random(using: &generator).rawValue
        return ["spd", suffix, unique].compactMap(\.self).joined(separator: "-")
    }

    /// Stores the job and starts its agents.
    ///
    /// The specs can be claimed before the first agent exists. What fails before that leaves nothing; a
    /// job whose agents can't be started is withdrawn.
    func start() async throws(Failure) -> StartedJob {
        let worker = try Program.worker(environment: environment)
        let store: Store
        do throws(StoreError) { store = try Store(cache) } catch { throw Failure(error) }
        var folder = try JobFolder(in: cache, token: token, worker: worker, sweepFile: plan.sweepFile)
        let job: Job
        do {
            try Interruption.check()
            job = try store.insertJob(newJob, specs: plan.specs, in: cache) { id in
                try folder.publish(as: id) { layout throws(Failure) in
                    executor.kind == .slurm ? try script(for: id, layout) : nil
                }
            }
        } catch {
            folder.discard()
            throw Failure(error)
        }
        // From here on the job exists: ^C must not leave it without its agents.
        let warnings: [String]
        do {
            warnings =
                switch executor.kind {
                case .local: try startLocally(job, store)
                case .slurm: try await startOnSlurm(job, store)
                }
        } catch {
            throw withdraw(job, store, because: Failure(error))
        }
        return StartedJob(
            store: store, snapshot: try await failing { try store.snapshot(of: job.id) },
            executor: executor, warnings: warnings)
    }

    private var newJob: NewJob {
        NewJob(
            token: token, suffix: suffix, project: project,
            submittedFrom: FileManager.default.currentDirectoryPath, executor: executor.kind,
            agentCount: agentCount, createReport: createReport)
    }

    /// The batch script of this submission as job `id`.
    func script(for id: JobID, _ layout: JobFolder.Layout) throws(Failure) -> BatchScript {
        let here = FileManager.default.currentDirectoryPath
        for path in [here, cache.path] where path.contains(where: \.isNewline) {
            throw .badInput(
                "SLURM can't run jobs in a folder whose name has a line break: \(path.debugDescription)")
        }
        return BatchScript(
            name: token, agentCount: agentCount, workingDirectory: here, logs: layout.logs,
            variables: [.init("SPD_CACHE_DIR", cache.path)]
                + LocalAgents.threadVariables(1).map { .init($0.name, $0.value) },
            command: layout.command(for: id))
    }

    /// Starts the agents here; as long as one has started, the job is on its way.
    private func startLocally(_ job: Job, _ store: Store) throws -> [String] {
        let layout = JobFolder.Layout(path: job.folder)
        var variables = environment
        variables["SPD_CACHE_DIR"] = cache.path
        let threads = LocalAgents.threads(forAgents: agentCount, cores: LocalAgents.cores)
        for (name, value) in LocalAgents.threadVariables(threads) { variables[name] = value }
        let agents = try store.agents(of: job.id)
        var processes: [(agent: AgentID, pid: pid_t)] = []
        var warnings: [String] = []
        for (index, agent) in agents.enumerated() {
            variables[AgentIdentity.variable] = agent.id.description
            do {
                let pid = try LocalAgents.start(
                    layout.command(for: job.id), environment: variables,
                    log: layout.log(ofAgent: index + 1))
                processes.append((agent.id, pid))
            } catch {
                guard index > 0 else { throw error }
                warnings.append(
                    "only \(index) of \(agentCount) agents could be started: \(Failure(error).message)")
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

    private func startOnSlurm(_ job: Job, _ store: Store) async throws -> [String] {
        let script = JobFolder.Layout(path: job.folder).script
        do {
            let number = try await slurm.submit(scriptAt: script, name: token)
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

    /// Takes back a job whose agents could not be started, and says why it was.
    private func withdraw(_ job: Job, _ store: Store, because cause: Failure) -> Failure {
        do throws(StoreError) {
            if try store.withdraw(job.id) { Files.discard(job.folder) }
            return cause
        } catch {
            return .failed("\(cause.message)\njob \(job.id) has no agents and is still stored: \(error)")
        }
    }
}
