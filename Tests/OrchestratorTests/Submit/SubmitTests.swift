import Foundation
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

struct SubmitTests {
    let bench: Workbench

    init() throws {
        bench = try Workbench()
        _ = try bench.write(sixSpecs, to: "sweeps/sweep_params.yaml")
    }

    static let sweep = ["submit", "--experiments", "tms_5-2", "--sweep"]

    @Test func localAgentsShareASweepUntilEverySpecIsDone() async throws {
        let answer = try await bench.orchestrator(
            Self.sweep + ["--n-agents", "2", "--watch"], adding: ["STAND_IN_STEP_MS": "300"])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.output.contains("6 of 6 done"))
        #expect(answer.output.contains("Files of each run: \(bench.cache)/runs/<run>/"))
        let job = try await bench.status(of: 1)
        #expect(job.counts.done == 6)
        #expect(job.runs.allSatisfy { $0.attempt == 1 && $0.metrics["mmcs"] == 0.999 })
        #expect(Set(job.runs.compactMap(\.agent)).count == 2, "both agents took part")
        #expect(job.agents.map(\.number) == [1, 2])
        #expect(
            job.runs.map(\.overrides).first == ["seed": "0", "lr": "0.001"])
        for run in job.runs {
            #expect(run.folder == "\(bench.cache)/runs/\(run.run)")
            #expect(FileManager.default.fileExists(atPath: run.folder + "/final_config.yaml"))
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: job.folder).sorted()
                == ["launch.lock", "logs", "snapshot.json", "sweep.yaml", "worker"])
    }

    @Test func aFailedRunIsShownWithItsReasonAndExitCode1() async throws {
        let answer = try await bench.orchestrator(
            Self.sweep + ["--watch"], adding: ["STAND_IN_FAIL": "3"])
        #expect(answer.code == 1)
        #expect(answer.output.contains("5 of 6 done, 1 failed"))
        #expect(answer.output.contains("the loss is not a number at step 100"))
    }

    @Test func aKilledAgentsSpecRunsAgainExactlyOnce() async throws {
        let answer = try await bench.orchestrator(
            Self.sweep + ["--n-agents", "2", "--watch"],
            adding: ["STAND_IN_DIE": "2", "STAND_IN_LEASE_MS": "1000"])
        #expect(answer.code == 0, "\(answer.error)")
        let job = try await bench.status(of: 1)
        #expect(job.counts.done == 6)
        let store = try Store(CacheFolder(path: bench.cache))
        let run = try #require(RunID(rawValue: job.runs[2].run))
        let attempts = try store.attempts(at: run)
        #expect(attempts.first?.outcome == .lost)
        #expect(attempts.filter { $0.outcome == .done }.count == 1)
        #expect(attempts.last?.outcome == .done)
    }

    @Test func theProjectGoesIntoEveryConfig() async throws {
        let answer = try await bench.orchestrator(Self.sweep + ["--project", "mine", "--watch"])
        #expect(answer.code == 0, "\(answer.error)")
        for run in try await bench.status(of: 1).runs {
            let config = try String(contentsOfFile: run.folder + "/final_config.yaml", encoding: .utf8)
            #expect(config.contains(#""wandb_project": "mine""#))
        }
    }

    @Test func agentsGetTheirSettingsFromTheEnvironment() async throws {
        let worker = try bench.writeProgram("pwd; env; echo done >&2", to: "worker")
        let answer = try await bench.orchestrator(
            Self.sweep + ["--json"], adding: ["SPD_WORKER": worker, "OMP_NUM_THREADS": "99"])
        #expect(answer.code == 0, "\(answer.error)")
        let log = bench.cache + "/jobs/1/logs/agent-1.log"
        try await eventually {
            (try? String(contentsOfFile: log, encoding: .utf8))?.hasSuffix("done\n") == true
        }
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
        let cores = String(LocalAgents.cores)
        for line in [
            bench.path, "SPD_CACHE_DIR=\(bench.cache)", "OMP_NUM_THREADS=\(cores)",
            "OPENBLAS_NUM_THREADS=\(cores)", "SPD_AGENT_ID=1",
        ] {
            #expect(lines.contains(Substring(line)), "\(line)")
        }
        #expect(LocalAgents.threads(forAgents: 3, cores: 8) == 2)
        #expect(LocalAgents.threads(forAgents: 8, cores: 2) == 1)
    }

    @Test func theSnapshotIsWhatRuns() async throws {
        let worker = try bench.writeProgram(
            #"[ "$1" != about ] || exit 1; until [ -e go ]; do sleep 0.02; done; echo "first $*""#, to: "worker")
        _ = try await bench.orchestrator(Self.sweep, adding: ["SPD_WORKER": worker])
        _ = try bench.writeProgram("echo second", to: "worker")
        let snapshot = try String(contentsOfFile: bench.cache + "/jobs/1/worker", encoding: .utf8)
        #expect(snapshot.contains("first"))
        _ = try bench.write("", to: "go")
        let log = bench.cache + "/jobs/1/logs/agent-1.log"
        try await eventually {
            (try? String(contentsOfFile: log, encoding: .utf8)) == "first --job-id 1\n"
        }
    }

    @Test func manySubmissionsAtOnceAllWork() async throws {
        try await withThrowingTaskGroup(of: Workbench.Answer.self) { group in
            for _ in 0..<4 {
                group.addTask { try await bench.orchestrator(Self.sweep + ["--watch"]) }
            }
            for try await answer in group { #expect(answer.code == 0, "\(answer.error)") }
        }
        var runs: Set<String> = []
        for job in 1...4 {
            let status = try await bench.status(of: job)
            #expect(status.counts.done == 6)
            #expect(status.runs.allSatisfy { $0.attempt == 1 })
            runs.formUnion(status.runs.map(\.run))
        }
        #expect(runs.count == 24)
    }

    @Test func aKeyIsNeverWrittenDown() async throws {
        let key = "0123456789abcdef0123456789abcdef01234567"
        let answer = try await bench.orchestrator(
            Self.sweep + ["--watch"], adding: ["WANDB_API_KEY": key])
        #expect(answer.code == 0)
        #expect(!answer.output.contains(key))
        for file in bench.files() {
            let url = URL(filePath: bench.cache + "/" + file)
            guard let data = try? Data(contentsOf: url) else { continue }
            #expect(data.range(of: Data(key.utf8)) == nil, "\(file)")
        }
    }

    @Test func statusWithoutAnyJobSaysSo() async throws {
        let answer = try await bench.orchestrator(["status"])
        #expect(answer.code == 2)
        #expect(answer.error.contains("no job has been submitted to \(bench.cache) yet"))
        #expect(try await bench.orchestrator(["status", "7"]).code == 2)
        #expect(bench.files().isEmpty)
    }

    @Test func aDryRunStoresNothing() async throws {
        let answer = try await bench.orchestrator(Self.sweep + ["--dry-run"])
        #expect(answer.code == 0)
        #expect(answer.output.contains("6 specs"))
        #expect(bench.files().isEmpty)
    }
}
