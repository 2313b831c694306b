import Foundation
import Testing

/// A sweep on a real SLURM, brought up by `scripts/slurm-dev`.
@Suite(.serialized, .slurmWanted)
struct SlurmEndToEndTests {
    @Test func agentsOfAnArrayShareASweep() async throws {
        // Blanks and percent signs mean something to sbatch; a home may have them all the same.
        let cluster = try await Cluster(name: "50% of my cluster")
        do {
            try await aSweepIsShared(cluster)
            try await aSingleAgentIsAPlainJob(cluster)
            try await aRealSweepIsTrained(cluster)
            try await aCancelledJobLeavesTheQueueAndIsTakenUpAgain(cluster)
            try await aRefusedJobLeavesNothing(cluster)
            try await theDoctorFindsThatTwoNodesShareTheFolder(cluster)
            try await aControllerThatIsDownIsTold(cluster)
        } catch {
            try await cluster.down()
            throw error
        }
        try await cluster.down()
    }

    private func theDoctorFindsThatTwoNodesShareTheFolder(_ cluster: Cluster) async throws {
        let before = cluster.bench.files().filter { !$0.hasPrefix("state.sqlite") }
        let answer = try await cluster.bench.orchestrator(
            ["doctor", "--slurm", "--offline"], adding: ["SPD_WORKER": Workbench.products + "/worker"])
        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        #expect(answer.output.contains("n1, n2 and this machine see the same files"), "\(answer.output)")
        #expect(answer.output.contains("n2 sees n1's locks, and their release"))
        #expect(answer.output.contains("MaxArraySize"))
        #expect(cluster.bench.files().filter { !$0.hasPrefix("state.sqlite") } == before)
    }

    /// Real agents train real, short decompositions.
    private func aSweepIsShared(_ cluster: Cluster) async throws {
        let bench = cluster.bench
        let sweep = try bench.write(
            """
            global:
              steps:
                values: [100]
              print_freq:
                values: [20]
            tms_5-2:
              seed:
                values: [0, 1, 2]
              lr:
                values: [1e-3, 2e-3]
            """, to: "sweep.yaml")
        let key = "0123456789abcdef0123456789abcdef01234567"
        let answer = try await bench.orchestrator(
            [
                "submit", "--experiments", "tms_5-2", "--sweep", sweep, "--n-agents", "3", "--executor",
                "auto", "--watch",
            ],
            adding: [
                "SPD_WORKER": Workbench.products + "/worker", "WANDB_API_KEY": key,
                "WANDB_MODE": "offline",
            ])
        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        #expect(answer.output.contains("slurm (its controller answers), batch job 1"))

        let job = try await bench.status(of: 1)
        #expect(job.counts.done == 6)
        #expect(job.runs.allSatisfy { $0.attempt == 1 && $0.metrics["mmcs"] != nil })
        #expect(Set(job.runs.compactMap(\.agent)).count > 1, "several agents took part")
        for run in job.runs {
            let files = try FileManager.default.contentsOfDirectory(atPath: run.folder)
            #expect(
                Set(files).isSuperset(of: [
                    "final_config.yaml", "metrics.jsonl", "model_100.safetensors", "output.log",
                ]))
        }
        #expect(Set(job.agents.compactMap(\.slurmArrayTaskId)) == [1, 2, 3])
        #expect(job.agents.allSatisfy { $0.slurmArrayJobId == job.slurmJobId })
        let logs = try FileManager.default.contentsOfDirectory(atPath: job.folder + "/logs").sorted()
        #expect(logs == ["1_1.log", "1_2.log", "1_3.log"])
        for file in bench.files() where !file.hasSuffix("/worker") {
            guard let data = FileManager.default.contents(atPath: bench.cache + "/" + file) else { continue }
            #expect(data.range(of: Data(key.utf8)) == nil, "\(file) holds the key")
        }
    }

    private func aSingleAgentIsAPlainJob(_ cluster: Cluster) async throws {
        let answer = try await cluster.bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--executor", "slurm", "--watch"])
        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        let job = try await cluster.bench.status(of: 2)
        let number = try #require(job.slurmJobId)
        let log = try String(contentsOfFile: job.folder + "/logs/\(number).log", encoding: .utf8)
        #expect(log.contains("in \(cluster.bench.path)"), "agents run where the user was")
        #expect(job.agents.map(\.slurmArrayTaskId) == [nil])
    }

    private func aRealSweepIsTrained(_ cluster: Cluster) async throws {
        let bench = cluster.bench
        _ = try bench.write(TrainingEndToEndTests.experiment(steps: 6000), to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        let sweep = try bench.write("small:\n  seed:\n    values: [0, 1, 2, 3]\n", to: "real.yaml")
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "small.yaml", "--sweep", sweep, "--n-agents", "2", "--watch"],
            adding: TrainingEndToEndTests.realWorker)
        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")

        let job = try await bench.status(of: 3)
        #expect(job.counts.done == 4)
        #expect(Set(job.runs.compactMap(\.agent)).count == 2, "both agents took part")
        for run in job.runs {
            #expect(try #require(run.metrics["mmcs"]) > 0.5)
            let rows = try String(contentsOfFile: run.folder + "/metrics.jsonl", encoding: .utf8)
            #expect(rows.split(separator: "\n").count == 61)
        }
    }

    private func aCancelledJobLeavesTheQueueAndIsTakenUpAgain(_ cluster: Cluster) async throws {
        let bench = cluster.bench
        let sweep = try bench.write("tms_5-2:\n  seed:\n    values: [0, 1, 2, 3, 4]\n", to: "seeds.yaml")
        // Five agents for four cores: one waits.
        let answer = try await bench.orchestrator(
            [
                "submit", "--experiments", "tms_5-2", "--sweep", sweep, "--n-agents", "5", "--executor", "slurm",
            ], adding: ["STAND_IN_STEP_MS": "60000"])
        #expect(answer.code == 0, "\(answer.error)")
        try await eventually { try await bench.status(of: 4).counts.running == 4 }
        let cancel = try await bench.orchestrator(["cancel", "4"])
        #expect(cancel.output.hasPrefix("Job 4: 5 runs cancelled\nscancel --name spd-"), "\(cancel.error)")
        let token = try await bench.status(of: 4).token
        try await eventually { try await bench.run("squeue", ["-h", "-n", token], adding: [:]).output.isEmpty }

        #expect(try await bench.orchestrator(["retry", "4"]).code == 0)
        let resume = try await bench.orchestrator(["resume", "4", "--n-agents", "2", "--exclude", "n1", "--watch"])
        #expect(resume.code == 0, "\(resume.error)\n\(resume.output)")
        let job = try await bench.status(of: 4)
        #expect(job.counts.done == 5)
        #expect(job.runs.filter { $0.attempt == 2 }.count == 4)
    }

    private func aRefusedJobLeavesNothing(_ cluster: Cluster) async throws {
        let answer = try await cluster.bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--executor", "slurm"],
            adding: ["SBATCH_PARTITION": "gpu"])
        #expect(answer.code == 1)
        #expect(answer.error.contains("sbatch failed: invalid partition specified: gpu"), "\(answer.error)")
        #expect(try await cluster.bench.orchestrator(["status", "5"]).code == 2)
        #expect(!FileManager.default.fileExists(atPath: cluster.bench.cache + "/jobs/5"))
    }

    private func aControllerThatIsDownIsTold(_ cluster: Cluster) async throws {
        try cluster.stopController()
        let answer = try await cluster.bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--executor", "slurm"])
        #expect(answer.code == 1)
        #expect(answer.error.contains("can't reach SLURM's controller"), "\(answer.error)")
        #expect(try await cluster.bench.orchestrator(["status", "5"]).code == 2)
    }
}
