import Artifacts
import Foundation
package import Slurm
package import Store

/// One submission: everything that is decided before anything is stored.
package struct Submission {
    package let plan: SweepPlan
    package let cache: CacheFolder
    package let environment: [String: String]
    package let executor: Executor
    package let slurm: SlurmCommands
    package let token: String
    package let suffix: String?
    package let project: String?
    package let request: AgentRequest
    package let maxRetries: Int
    package let createReport: Bool
    package let turns: Turns
    /// The memory that agents get by default, if SLURM says.
    package let defaultMemory: MemoryRoom?

    /// When specs are handed out, and until when.
    package struct Turns {
        let after: JobID?
        let maxRunning: Int?
        let failFast: Int?

        package init(after: JobID? = nil, maxRunning: Int? = nil, failFast: Int? = nil) {
            (self.after, self.maxRunning, self.failFast) = (after, maxRunning, failFast)
        }
    }

    package init(
        plan: SweepPlan, cache: CacheFolder, environment: [String: String], executor: Executor, slurm: SlurmCommands,
        token: String, suffix: String?, project: String?, request: AgentRequest, maxRetries: Int, createReport: Bool,
        turns: Turns = Turns(), defaultMemory: MemoryRoom? = nil
    ) {
        self.plan = plan
        self.cache = cache
        self.environment = environment
        self.executor = executor
        self.slurm = slurm
        self.token = token
        self.suffix = suffix
        self.project = project
        self.request = request
        self.maxRetries = maxRetries
        self.createReport = createReport
        self.turns = turns
        self.defaultMemory = defaultMemory
    }

    package var agentCount: Int { request.agentCount }

    /// A new unique job name: `spd-k3j9x0qa`, or `spd-mine-k3j9x0qa` with a suffix.
    package static func token(suffix: String?) -> String {
        var generator = SystemRandomNumberGenerator()
        let unique = RunID.random(using: &generator).rawValue
        return ["spd", suffix, unique].compactMap(\.self).joined(separator: "-")
    }

    /// Stores the job and starts its agents.
    ///
    /// The specs can be claimed before the first agent exists. What fails before that leaves nothing; a
    /// job whose agents can't be started is withdrawn.
    package func start() async throws(Failure) -> StartedJob {
        let worker = try Program.worker(environment: environment)
        let store: Store
        do throws(StoreError) {
            store = try Store(cache, isShared: executor.kind == .slurm)
        } catch { throw Failure(error) }
        var targets = TargetCopies(in: cache)
        let specs = try LanguageModels(worker: worker, cache: cache, environment: environment)
            .taking(TextCopies(in: cache).taking(try targets.taking(plan.specs), of: plan.drafts), of: plan.drafts)
        let snapshot = Snapshot(
            worker: worker, targets: targets.copies, observers: plan.observers, usesSlurm: executor.kind == .slurm,
            environment: environment)
        var folder = try JobDraft(in: cache, token: token, worker: worker, plan: plan, snapshot: snapshot)
        let job: Job
        do {
            try Interruption.check()
            let arrays = executor.kind == .slurm ? try await AgentLaunch.arrays(of: agentCount, slurm) : []
            job = try store.insertJob(newJob, specs: specs, sbatchCalls: arrays) { id in
                try folder.publish(as: id) { layout throws(Failure) in
                    var scripts: [(name: String, script: BatchScript)] = []
                    for array in arrays {
                        scripts.append((array.script, try script(for: id, layout, agents: array.agents)))
                    }
                    return scripts
                }
            }
        } catch {
            folder.discard()
            throw Failure(error)
        }
        // From here on the job exists: ^C must not leave it without its agents.
        var warnings = (snapshot.git?.warnings ?? []).map { "the job's snapshot of this checkout: \($0)" }
        do {
            let launch = launch(of: job, store)
            switch executor.kind {
            case .local: warnings += try launch.startLocally(try store.agents(of: job.id))
            case .slurm: warnings += try await launch.startOnSlurm()
            }
        } catch {
            throw withdraw(job, store, because: Failure(error))
        }
        return StartedJob(
            plan: plan, store: store, snapshot: try await failing { try store.snapshot(of: job.id, runsAtMost: 0) },
            executor: executor, warnings: warnings)
    }

    private var newJob: NewJob {
        var job = NewJob(
            token: token, suffix: suffix, project: project,
            submittedFrom: FileManager.default.currentDirectoryPath, executor: executor.kind,
            agentCount: agentCount, maxRetries: maxRetries, createReport: createReport, options: request.options)
        (job.after, job.maxRunning, job.failFast) = (turns.after, turns.maxRunning, turns.failFast)
        (job.settings, job.sweepSeed) = (plan.settings, plan.sweepSeed)
        return job
    }

    /// A batch script of this submission as job `id`.
    package func script(
        for id: JobID, _ layout: JobFolder, agents: Int
    ) throws(Failure) -> BatchScript {
        try AgentLaunch.script(
            for: id, named: token, agentCount: agents, options: request.options,
            in: FileManager.default.currentDirectoryPath, layout: layout, cache: cache)
    }

    private func launch(of job: Job, _ store: Store) -> AgentLaunch {
        AgentLaunch(job: job, store: store, cache: cache, environment: environment, slurm: slurm)
    }

    /// Takes back a job whose agents could not be started, and says why it was.
    private func withdraw(_ job: Job, _ store: Store, because cause: Failure) -> Failure {
        do throws(StoreError) {
            if try store.withdraw(job.id) { FileRemoval.discard(job.folder.path) }
            return cause
        } catch {
            return .failed("\(cause.message)\njob \(job.id) has no agents and is still stored: \(error)")
        }
    }
}
