import ArgumentParser
import Foundation
import Runs
import Store
import WandB

extension Worker {
    /// Pulls specs of a job until none is left.
    struct Agent: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Pull specs of a job until none is left (what `worker --job-id` does).",
            discussion: """
                The job's state is found through SPD_CACHE_DIR (default: ~/spd_cache).
                SIGTERM, SIGINT or SIGUSR1: saves the state, gives the spec back and ends.
                """)

        @Option(help: ArgumentHelp("The job whose specs to run.", valueName: "number"))
        var jobID: Int64

        @Option(
            help: ArgumentHelp(
                "Threads per run (default: OMP_NUM_THREADS, then SLURM_CPUS_PER_TASK, then all cores).",
                valueName: "count"))
        var threads: Int?

        @Option(help: ArgumentHelp("How often a run's state is saved.", valueName: "seconds"))
        var checkpointEvery = 300

        @Option(
            help: ArgumentHelp(
                "How long a spec stays this agent's when it falls silent.", valueName: "seconds"))
        var lease = 60

        @Flag(help: "Say nothing about progress.")
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

        mutating func run() throws {
            StopRequest.listen()
            let environment = ProcessInfo.processInfo.environment
            let cache = CacheFolder(environment: environment)
            let job = JobID(rawValue: jobID)
            guard let store = try Store.existing(cache) else {
                throw RunError.invalid(
                    "there is no state in \(cache.path), so no job \(jobID); set SPD_CACHE_DIR as for `orchestrator submit`"
                )
            }
            let loop = try AgentLoop(
                store: store, job: store.job(job),
                agent: store.registerAgent(AgentIdentity(environment: environment), for: job),
                options: AgentLoop.Options(
                    threads: threads ?? Self.threads(environment),
                    checkpointInterval: .seconds(checkpointEvery),
                    lease: .seconds(lease),
                    isQuiet: quiet, targets: TargetCache(path: cache.targets),
                    tracking: Self.tracking(environment)))
            try loop.run()
        }

        /// W&B's settings; ones that cannot be meant are no reason not to train.
        private static func tracking(_ environment: [String: String]) -> WandBSettings {
            do {
                return try WandBSettings.read(
                    environment: environment, workingDirectory: FileManager.default.currentDirectoryPath,
                    homeDirectory: environment["HOME"])
            } catch {
                FileHandle.standardError.write(Data("worker: W&B: \(error); runs stay offline\n".utf8))
                var offline = WandBSettings()
                offline.mode = .offline
                return offline
            }
        }

        private static func threads(_ environment: [String: String]) -> Int {
            let named = ["OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"].lazy.compactMap {
                environment[$0].flatMap(Int.init)
            }
            return max(1, named.first ?? ProcessInfo.processInfo.activeProcessorCount)
        }
    }
}
