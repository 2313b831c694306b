import Artifacts
import Foundation
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator
@testable import Slurm

/// What jobs cost and what they take on disk, with the real worker.
struct CostAndDiskTests {
    let bench: Workbench

    init() async throws {
        bench = try Workbench(adding: TrainingEndToEndTests.realWorker.merging(["PATH": Cluster.path]) { $1 })
        _ = try bench.write(TrainingEndToEndTests.experiment(steps: 600), to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        _ = try bench.write("small:\n  seed:\n    values: [0, 1, 2]\n", to: "sweep.yaml")
        let answer = try await bench.orchestrator([
            "submit", "--experiments", "small.yaml", "--sweep", "sweep.yaml", "--executor", "local", "--watch",
        ])
        try #require(answer.code == 0, "\(answer.error)")
    }

    @Test func costsAreTold() async throws {
        let answer = try await bench.orchestrator(["status", "1", "--cost", "--json"])
        #expect(answer.code == 0, "\(answer.error)")
        struct Report: Decodable {
            struct Item: Decodable {
                let wall_seconds: Double, core_hours: Double, cpu_seconds: Double?, peak_memory: Int?
            }
            struct Named: Decodable { let name: String, cost: Item }
            let cost: Item, runs: [Named], agents: [Named], nodes: [Named]
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8))
        #expect(report.runs.count == 3 && report.agents.count == 1 && report.nodes.count == 1)
        for item in report.runs.map(\.cost) + [report.cost] {
            #expect(item.wall_seconds > 0 && item.core_hours > 0)
            #expect(item.cpu_seconds ?? 0 > 0.01 && item.peak_memory ?? 0 > 1 << 20)
        }
        let shares = report.runs.reduce(0) { $0 + ($1.cost.cpu_seconds ?? 0) }
        #expect(shares <= report.cost.cpu_seconds ?? 0, "runs share what their agent took")
        let text = try await bench.orchestrator(["status", "1", "--cost"])
        #expect(text.output.contains("by the agents' own figures") && text.output.contains("agent 1.1"))
        let csv = try await bench.orchestrator(["export", "1", "--columns", "cpu_seconds,core_hours,peak_memory"])
        #expect(csv.output.components(separatedBy: "\r\n").dropFirst().first?.contains(",") == true)
        let summary = try String(contentsOfFile: bench.cache + "/jobs/1/summary.json", encoding: .utf8)
        #expect(summary.contains(#""core_hours""#))
    }

    @Test func aJobIsArchivedReadAndItsLargeFilesAreCleaned() async throws {
        let before = try await bench.orchestrator(["export", "1", "--columns", "run,seed,loss/total"])
        let history = try await bench.orchestrator(["export", "1", "--history"])
        let runs = try await bench.status(of: 1).runs.map(\.run)
        let usage = try await bench.orchestrator(["du", "1", "--json"])
        #expect(usage.output.contains(#""weights""#), "\(usage.output)\(usage.error)")

        let archived = try await bench.orchestrator(["archive", "1", "a.tar.zst"])
        #expect(archived.code == 0, "\(archived.error)")
        let again = try await bench.orchestrator(["archive", "1", "a.tar.zst"])
        #expect(again.code == 2 && again.error.contains("exists"), "\(again.error)")

        // Of the best run everything stays, of the others what is small.
        let files = bench.files()
        let clean = ["clean", "1", "--where", "seed>=0", "--keep-best", "1"]
        #expect(try await bench.orchestrator(clean).output.contains("Nothing was deleted"))
        #expect(bench.files().filter { !$0.contains("sqlite") } == files.filter { !$0.contains("sqlite") })
        let cleaned = try await bench.orchestrator(clean + ["--yes"])
        #expect(cleaned.code == 0, "\(cleaned.error)")
        #expect(bench.files().count { $0.contains("/model_") } == 1)
        #expect(bench.files().count { $0.hasSuffix("/metrics.jsonl") } == 3)

        #expect(try await bench.orchestrator(["clean", "1", "--yes"]).code == 0)
        let after = try await bench.orchestrator([
            "export", "1", "--columns", "run,seed,loss/total", "--archive", "a.tar.zst",
        ])
        #expect(after.output == before.output, "\(after.error)")
        let rows = try await bench.orchestrator(["export", "1", "--history", "--archive", "a.tar.zst"])
        #expect(rows.output == history.output)
        let shown = try await bench.orchestrator(["show", runs[1], "--archive", "a.tar.zst"])
        #expect(shown.output.contains("Run \(runs[1])"), "\(shown.error)")
        let plotted = try await bench.orchestrator(["plot", runs[1], "--list", "--archive", "a.tar.zst"])
        #expect(plotted.code == 0, "\(plotted.error)")

        let whole = try #require(FileManager.default.contents(atPath: bench.path + "/a.tar.zst"))
        try whole.prefix(whole.count / 2).write(to: URL(filePath: bench.path + "/cut.tar.zst"))
        _ = try bench.write("no archive", to: "odd.tar")
        for file in ["cut.tar.zst", "odd.tar", "none.tar.zst", "a.zip"] {
            let answer = try await bench.orchestrator(["show", runs[1], "--archive", file])
            #expect(answer.code == 2, "\(file)")
            #expect(answer.error.split(separator: "\n").count == 1, "\(answer.error)")
        }
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil))
    func pythonReadsTheSame() async throws {
        let answer = try await bench.run(
            "python3", ["-m", "unittest", "discover", "-s", Workbench.package + "/python/tests"],
            adding: ["PYTHONPATH": Workbench.package + "/python", "PYTHONDONTWRITEBYTECODE": "1"])
        #expect(answer.code == 0, "\(answer.error)")
    }
}

struct SlurmAccountTests {
    @Test func accountsOfAllocationsAndStepsAreOne() {
        let text = """
            812_1|100|2|02:30.500||2026-01-31T23:59:58|2026-02-01T00:00:05
            812_1.batch|100|2|02:30.500|10240K|2026-02-01T00:00:05|2026-02-01T00:00:05
            812_1.extern|100|2|00:00||2026-02-01T00:00:05|2026-02-01T00:00:05
            813|50|1|1-00:00:01||2026-01-31T12:00:00|2026-01-31T12:00:03
            813|10|1|00:09.000||2026-01-31T13:00:00|2026-01-31T13:00:01
            814|0|0|00:00||2026-01-31T13:00:00|Unknown
            rubbish
            """
        #expect(
            SlurmCommands.accounts(in: text) == [
                SlurmAccount(
                    name: "812_1", queueSeconds: 7, elapsedSeconds: 100, cpus: 2, cpuSeconds: 150.5,
                    peakMemory: 10240 << 10),
                SlurmAccount(
                    name: "813", queueSeconds: 4, elapsedSeconds: 60, cpus: 1, cpuSeconds: 86_410, peakMemory: nil),
            ])
    }
}
