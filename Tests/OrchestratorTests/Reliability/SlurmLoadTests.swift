import Foundation
import Store
import Testing

extension Reliability {
    /// What watching a large job costs SLURM's controller, as the controller itself counts it; and SLURM with accounting.
    @Suite(
        .serialized, .slurmWanted, Reliability.large,
        .slurm("--nodes", "3", "--cpus", "2", "--accounting", adding: ["STAND_IN_STEP_MS": "100"]))
    struct SlurmLoadTests {
        private let cluster: Cluster
        private var bench: Workbench { cluster.bench }

        init() throws { cluster = try #require(Cluster.current) }

        @Test func aJobIsSharedAndCancelledWithAccounting() async throws {
            let submit = ["submit", "--experiments", "tms_5-2", "--sweep", "sweep.yaml", "--executor", "slurm"]
            _ = try bench.write("tms_5-2:\n  seed: {values: [0, 1, 2, 3, 4, 5]}\n", to: "sweep.yaml")
            let shared = try await bench.orchestrator(submit + ["--n-agents", "3", "--watch"])
            #expect(shared.code == 0, "\(shared.error)")
            let job = try await bench.status(of: 1)
            #expect(job.counts.done == 6 && Set(job.runs.compactMap(\.agent)).count > 1)
            let number = try #require(job.slurmJobId)
            try await eventually { try await states(of: number) == ["COMPLETED"] }

            let doomed = try await bench.orchestrator(
                submit + ["--n-agents", "2"], adding: ["STAND_IN_STEP_MS": "60000"])
            #expect(doomed.code == 0, "\(doomed.error)")
            try await eventually { try await bench.status(of: 2).counts.running == 2 }
            #expect(try await bench.orchestrator(["cancel", "2"]).code == 0)
            let second = try #require(try await bench.status(of: 2).slurmJobId)
            try await eventually { try await states(of: second).allSatisfy { $0.hasPrefix("CANCELLED") } }
        }

        @Test func watchingTenThousandSpecsCostsTheControllerOneAnswerAMinute() async throws {
            // Nobody can start, so that the queue is all there is to ask.
            try await cluster.slurm("scontrol", "update", "nodename=n[1-3]", "state=drain", "reason=test")
            let seeds = (0..<10_000).map(String.init).joined(separator: ", ")
            _ = try bench.write("tms_5-2:\n  seed:\n    values: [\(seeds)]\n", to: "many.yaml")
            let answer = try await bench.orchestrator([
                "submit", "--experiments", "tms_5-2", "--sweep", "many.yaml", "--executor", "slurm", "--n-agents", "64",
            ])
            #expect(answer.code == 0, "\(answer.error)")
            let store = try Store(CacheFolder(path: bench.cache))
            let job = "\(try #require(try store.jobs().last).job.id)"
            try await cluster.slurm("sdiag", "--reset")
            let minutes = 2
            let start = ContinuousClock.now

            try await withThrowingTaskGroup { group in
                for _ in 0..<3 {
                    group.addTask { [bench] in
                        _ = try await bench.orchestrator(
                            ["status", job, "--watch"], killedAfter: .seconds(60 * minutes))
                    }
                }
                group.addTask { [bench] in
                    while .now - start < .seconds(60 * minutes - 10) {
                        _ = try await bench.orchestrator(["status", job])
                        try await Task.sleep(for: .seconds(2))
                    }
                }
                try await group.waitForAll()
            }

            let asked = try await queueQuestions()
            Reliability.figure(
                "three watches and many a status of 10,000 specs asked the controller \(asked) times in \(minutes) minutes"
            )
            #expect(asked <= minutes + 1)
            try await cluster.slurm("scontrol", "update", "nodename=n[1-3]", "state=resume")
        }

        /// How often the controller was asked about jobs.
        private func queueQuestions() async throws -> Int {
            let counts = try await cluster.slurm("sdiag").matches(of: /REQUEST_JOB_INFO\w*\s+\(\s*\d+\)\s+count:(\d+)/)
            return counts.compactMap { Int($0.output.1) }.reduce(0, +)
        }

        private func states(of job: Int) async throws -> Set<String> {
            let lines = try await cluster.slurm("sacct", "-n", "-X", "-P", "-j", String(job), "-o", "State")
            return Set(lines.split(separator: "\n").map(String.init))
        }
    }
}
