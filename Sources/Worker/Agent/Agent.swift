import ArgumentParser
import Artifacts
import Downloads
import Foundation
import Jobs
import Runs
import Slurm
import Store
import Version
import WandB

extension Worker {
    /// Pulls specs of a job until none are left.
    struct Agent: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "agent",
            abstract: "Run a job's specs until none are left (same as `worker --job-id`).",
            discussion: """
                Finds the job's state through SPD_CACHE_DIR (default: ~/spd_cache).
                SIGTERM or SIGINT: saves the state, gives back the specs and ends; a second SIGINT ends it at once.
                SIGUSR1 (the allocation is about to end): the same, and requeues its SLURM job
                while work is left.
                """,
            version: ProgramVersion.number)

        @Option(help: ArgumentHelp("The job whose specs to run.", valueName: "number"))
        var jobID: Int64

        @Option(
            help: ArgumentHelp(
                "How many runs to train at once; auto measures for a few seconds and chooses (default: the job's).",
                valueName: "count|auto"))
        var slots: JobOptions.Slots?

        @Option(
            help: ArgumentHelp(
                "Threads per run (default: the job's, else the agent's cores, shared by its slots).",
                valueName: "count"))
        var threads: Int?

        @Option(help: ArgumentHelp("How often to save a run's state.", valueName: "seconds"))
        var checkpointEvery = 300

        @Option(
            help: ArgumentHelp(
                "How long this agent keeps a spec after it falls silent.", valueName: "seconds"))
        var lease = 60

        @Flag(help: "Print no progress.")
        var quiet = false

        mutating func validate() throws {
            if let threads, threads < 1 {
                throw ValidationError("--threads is \(threads); it takes 1 or more")
            }
            if checkpointEvery < 1 {
                throw ValidationError("--checkpoint-every is \(checkpointEvery); it takes 1 or more seconds")
            }
            if lease < 2 { throw ValidationError("--lease is \(lease); it takes 2 or more seconds") }
        }

        mutating func run() async throws {
            StopRequest.listen()
            let environment = ProcessInfo.processInfo.environment
            let cache = try CacheFolder(environment: environment)
            let job = JobID(rawValue: jobID)
            guard let store = try Store.existing(cache) else {
                throw RunError.invalid(
                    "there is no state in \(cache.path), so no job \(jobID); set SPD_CACHE_DIR as for `orchestrator submit`"
                )
            }
            let tracking = Self.tracking(environment)
            let slurm = SlurmCommands(environment: environment)
            let stored = try store.job(job)
            if store.isOnNetworkFileSystem { try await Self.stagger(stored.agentCount) }
            let checkpointInterval = Duration.seconds(checkpointEvery)
            let allocation = await Allocation(
                environment: environment, slurm: slurm, checkpointInterval: checkpointInterval)
            let agent = try store.registerAgent(
                AgentIdentity(environment: environment), for: job, until: allocation?.end)
            let targets = TargetCache(
                folder: cache.targets, downloads: TargetDownloads(folder: cache.runs, settings: tracking))
            let plan = try SlotPlan(
                slots: slots ?? stored.options.slots, threads: threads ?? stored.options.threads,
                environment: environment, store: store, job: job, targets: targets)
            let loop = AgentLoop(
                store: store, job: stored, agent: agent, number: try store.agent(agent).number,
                options: AgentLoop.Options(
                    slots: plan.slots, threads: plan.threads, checkpointInterval: checkpointInterval,
                    lease: .seconds(lease), isQuiet: quiet,
                    targets: targets,
                    tracking: tracking, offlineFolders: cache.wandb),
                slurm: slurm, allocation: allocation,
                keeper: ClaimKeeper(
                    store: store, job: stored, agent: agent, lease: .seconds(lease),
                    meter: UsageMeter(cores: SlotPlan.cores(environment), slots: plan.slots)
                ) { _ in
                    Self.recoverLostAgents(of: stored, store, cache, slurm)
                },
                comment: allocation.map { JobComment(slurm: slurm, job: $0.job) },
                deliveries: Deliveries(settings: tracking, offlineFolders: cache.wandb, store: store),
                failures: FailureWatch(store: store, job: stored, tracking: tracking, environment: environment),
                memory: MemoryGate(threads: plan.threads))
            try await loop.run()
        }

        /// Asks SLURM what became of a silent agent, and has it restarted if there is work left.
        private static func recoverLostAgents(of job: Job, _ store: Store, _ cache: CacheFolder, _ slurm: SlurmCommands)
        {
            guard job.executor == .slurm else { return }
            Task {
                do {
                    let queue = QueueCache(cache: cache, slurm: slurm)
                    for note in try await LostAgents(store: store, job: job, queue: queue, slurm: slurm).recover() {
                        AgentLoop.say(note)
                    }
                } catch {
                    AgentLoop.say("cannot check silent agents: \(error)")
                }
            }
        }

        /// Keeps the agents of a large array from opening a state file on a network all at the same moment.
        private static func stagger(_ agents: Int) async throws {
            guard agents > 1 else { return }
            try await Task.sleep(for: .seconds(Double.random(in: 0...min(10, 0.1 * Double(agents)))))
        }

        /// W&B's settings; ones that cannot be meant are no reason not to train.
        private static func tracking(_ environment: [String: String]) -> WandBSettings {
            do {
                let settings = try WandBSettings.read(
                    environment: environment, workingDirectory: FileManager.default.currentDirectoryPath,
                    homeDirectory: environment["HOME"])
                for notice in settings.notices { say(notice) }
                return settings
            } catch {
                say("\(error); runs stay offline")
                return .offline(because: error)
            }
        }

        private static func say(_ line: String) {
            StandardStreams.writeError("worker: W&B: \(line)\n")
        }
    }
}
