import Foundation
import Glibc
import Store
import Testing

extension Reliability {
    /// What dies around `sbatch` never makes two submissions of one, nor none: the next command mends it.
    @Suite(.serialized, .slurmWanted, .slurm("--nodes", "3", "--cpus", "2", "--set", "MaxArraySize=4"))
    struct SlurmSubmissionTests {
        private let cluster: Cluster
        private var bench: Workbench { cluster.bench }
        private static let submit = [
            "submit", "--experiments", "tms_5-2", "--sweep", "sweep.yaml", "--executor", "slurm", "--n-agents", "2",
        ]

        init() throws {
            cluster = try #require(Cluster.current)
            _ = try bench.write("tms_5-2:\n  seed: {values: [0, 1, 2, 3]}\n", to: "sweep.yaml")
        }

        enum Death {
            case orchestratorBefore, orchestratorAfter, controllerBefore, controllerAfter

            /// What an `sbatch` does the first time it is called; `sbatch` here is the real one.
            func script(controller: String) -> String {
                switch self {
                case .orchestratorBefore: "kill -9 $PPID; exit 1"
                case .orchestratorAfter: "sbatch \"$@\" >/dev/null; kill -9 $PPID; exit 0"
                case .controllerBefore: "kill -9 \(controller); sbatch \"$@\""
                case .controllerAfter: "sbatch \"$@\" >/dev/null; kill -9 \(controller); exit 1"
                }
            }
        }

        @Test(arguments: [Death.orchestratorBefore, .orchestratorAfter, .controllerAfter])
        func aDeathAroundSbatchIsMendedByTheNextCommandAndNothingSubmittedTwice(_ death: Death) async throws {
            try await submit(meeting: death)
        }

        @Test(Reliability.large)
        func aControllerThatDiedBeforeSbatchGetsItsJobFromTheNextCommand() async throws {
            try await submit(meeting: .controllerBefore)
        }

        @Test func aDeathIsMendedEvenIfAgentsDoEverythingBeforeTheNextCommand() async throws {
            try await submit(meeting: .orchestratorAfter) { store, job in
                try await eventually(within: .seconds(240)) { try store.openWork(of: job.id).isNone }
                #expect(try await bench.orchestrator(["list"]).code == 0)
                #expect(try store.job(job.id).submission == .submitted)
            }
        }

        /// `pause` is what passes before the next command.
        private func submit(
            meeting death: Death, pause: (Store, Job) async throws -> Void = { _, _ in }
        ) async throws {
            let first = bench.path + "/first-" + UUID().uuidString
            _ = try bench.writeProgram(
                """
                export PATH=\(Cluster.path)
                # Asking for its version is no submission.
                case " $* " in *" --parsable "*) ;; *) exec sbatch "$@" ;; esac
                [ -e \(first) ] && exec sbatch "$@"
                touch \(first)
                \(death.script(controller: "$(cat \(cluster.controllerPIDFile))"))
                """, to: "bin/sbatch")
            let path = ["PATH": bench.path + "/bin:" + Cluster.path]

            let answer = try await bench.orchestrator(Self.submit, adding: path)
            #expect(FileManager.default.fileExists(atPath: first), "\(answer.error)")
            try await cluster.startController()
            let store = try Store(CacheFolder(path: bench.cache))
            let job = try #require(try store.jobs().last).job
            try await pause(store, job)

            // Any command will do.
            try await eventually(within: .seconds(240)) {
                _ = try await bench.orchestrator(["list"], adding: path)
                return try store.job(job.id).submission == .submitted
            }
            let watch = try await bench.orchestrator(["status", "\(job.id)", "--watch"], adding: path)
            #expect(watch.code == 0, "\(watch.error)")
            let queue = try await cluster.slurm("squeue", "-h", "-t", "all", "-n", job.token, "-o", "%F")
            #expect(Set(queue.split(separator: "\n")).count == 1, "one batch job: \(queue)")
            let runs = try store.snapshot(of: job.id).runs
            #expect(try runs.allSatisfy { try store.attempts(at: $0.id).map(\.outcome) == [.done] })
        }

        @Test func moreAgentsThanAnArrayMayHaveComeInSeveralArrays() async throws {
            let answer = try await bench.orchestrator(Self.submit.dropLast() + ["7", "--watch"])
            #expect(answer.code == 0, "\(answer.error)")
            let store = try Store(CacheFolder(path: bench.cache))
            let job = try #require(try store.jobs().last).job
            let queue = try await cluster.slurm("squeue", "-h", "-r", "-t", "all", "-n", job.token, "-o", "%F")
            let arrays = queue.split(separator: "\n")
            // Seven were asked for, and there is work for four: an array may have three.
            #expect(Set(arrays).count == 2, "\(queue)")
            #expect(try store.snapshot(of: job.id).counts[.done] == 4)
        }
    }

    /// A time limit of a minute, whose signal SLURM sends within half a minute.
    @Suite(.serialized, .slurmWanted, Reliability.large, .slurm("--nodes", "3", "--cpus", "2"))
    struct SlurmTimeLimitTests {
        @Test(.timeLimit(.minutes(8)))
        func anAgentWhoseTimeEndsSavesItsRunAndGoesOnInItsNextAllocation() async throws {
            let cluster = try #require(Cluster.current)
            let bench = cluster.bench
            _ = try bench.write(TrainingEndToEndTests.experiment(steps: 100_000_000), to: "small.yaml")
            _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
            let answer = try await bench.orchestrator(
                ["submit", "--experiments", "small.yaml", "--executor", "slurm", "--time", "2"],
                adding: TrainingEndToEndTests.realWorker)
            try #require(answer.code == 0, "\(answer.error)")
            let store = try Store(CacheFolder(path: bench.cache))
            let run = try #require(try store.snapshot(of: JobID(rawValue: 1)).runs.first)

            try await eventually(within: .seconds(400)) { try store.attempts(at: run.id).count == 2 }

            let first = try store.attempts(at: run.id)[0]
            #expect(first.outcome == .released && first.reason == "the agent's time is over", "\(first)")
            try await eventually(within: .seconds(60)) {
                try String(contentsOfFile: run.folder.log, encoding: .utf8).contains("goes on from step")
            }
            let agents = try store.agents(of: JobID(rawValue: 1))
            #expect(Set(agents.compactMap(\.slurm.job)).count == 1, "the same batch job, once more")
            #expect(try await bench.orchestrator(["cancel", "1"]).code == 0)
        }
    }
}
