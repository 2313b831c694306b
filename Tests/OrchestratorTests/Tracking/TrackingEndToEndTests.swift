import Foundation
import Glibc
import JSON
import Testing

@testable import StandInWandB
@testable import WandB

/// The real worker before a W&B server: what is submitted is seen there, whatever becomes of processes and requests.
struct TrackingEndToEndTests {
    private let bench: Workbench

    init() throws {
        bench = try Workbench(adding: TrainingEndToEndTests.realWorker)
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
    }

    private func writeExperiment(steps: Int, figuresEvery: Int = 2000) throws {
        let text =
            TrainingEndToEndTests.experiment(steps: steps) + "\nwandb_project: spd\nimage_freq: \(figuresEvery)\n"
        _ = try bench.write(text, to: "small.yaml")
    }

    private func tracking(_ baseURL: String) -> [String: String] {
        ["WANDB_BASE_URL": baseURL, "WANDB_API_KEY": StandInBackend.key, "WANDB_TAGS": "mine, yours"]
    }

    private static let submit = ["submit", "--experiments", "small.yaml", "--executor", "local"]

    @Test func aRunsPageShowsItsNameTagsRowsFiguresAndFiles() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        // Long enough for progress, which is said every second.
        try writeExperiment(steps: 20_000, figuresEvery: 10_000)
        _ = try bench.write("small:\n  seed:\n    values: [7]\n", to: "sweep.yaml")

        let answer = try await bench.orchestrator(
            Self.submit + ["--sweep", "sweep.yaml", "--watch"], adding: tracking(server.baseURL))

        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        let job = try await bench.status(of: 1)
        let id = job.runs[0].run
        try await eventually { server.backend.run(id)?.exitCodes == [0] }
        let run = try #require(server.backend.run(id))
        #expect(server.backend.violations == [])
        #expect(
            run.displayName
                == "tms4-3_nmasks1_stochrecon1.00e+00_stochreconlayer1.00e+00_p1.00e+00_impmin3.00e-03_C8_sd7_lr1.00e-03"
                + "_bs512_ft4_hid3hid-layers0")
        #expect(run.tags == ["tms", "small", job.token, "mine", "yours"])
        let rows = try run.history.map { try JSONValue(parsing: $0) }
        #expect(rows.compactMap { $0["_step"]?.integer } == Array(stride(from: 0, through: 20_000, by: 100)))
        #expect(rows[100]["causal_importances"]?["_type"] == .string("image-file"))
        #expect(rows[100]["linear1/ci"]?["_type"] == .string("histogram"))
        #expect(rows[200]["subcomponents"]?["nrows"]?.integer == 16)
        for name in [
            "final_config.yaml", "sweep_params.yaml", "tms.safetensors", "tms_train_config.yaml", "metrics.jsonl",
            "model_20000.safetensors", "output.log", "wandb-summary.json", "config.yaml", "wandb-metadata.json",
        ] {
            #expect(run.files[name]?.isEmpty == false, "\(name)")
        }
        for words in ["small, attempt 1, in ", "step ", "done: loss/total "] {
            #expect(run.output.contains { $0.contains(" " + words) }, "the console lacks: \(words)")
        }
        var names: [String] = []
        try await eventually {
            names = try FileManager.default.contentsOfDirectory(atPath: job.runs[0].folder)
            return !names.contains("wandb")
        }
        #expect(
            names.sorted() == [
                "figures_0.zip", "figures_10000.zip", "figures_20000.zip", "final_config.yaml", "metrics.jsonl",
                "model_20000.safetensors", "output.log", "wandb.zip",
            ], "five files, and one for each set of figures")
        let metrics = try Data(contentsOf: URL(filePath: job.runs[0].folder + "/metrics.jsonl"))
        #expect(run.files["metrics.jsonl"] == metrics)
        let url = "\(server.baseURL)/lab/spd/runs/\(id)"
        #expect(try await bench.orchestrator(["logs", id]).output.contains("W&B: run at \(url)"))
        #expect(try await bench.orchestrator(["show", id]).output.contains("W&B: \(url)\n"))
        for file in bench.files() where !file.hasSuffix("/worker") {
            let text = FileManager.default.contents(atPath: bench.cache + "/" + file) ?? Data()
            #expect(text.range(of: Data(StandInBackend.key.utf8)) == nil, "\(file) holds the key")
        }
    }

    @Test func weightsStayHereWhereAskedTo() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try writeExperiment(steps: 2000)
        let answer = try await bench.orchestrator(
            Self.submit + ["--no-upload-model", "--watch"], adding: tracking(server.baseURL))
        #expect(answer.code == 0, "\(answer.error)")
        let id = try await bench.status(of: 1).runs[0].run
        try await eventually { server.backend.run(id)?.exitCodes == [0] }
        #expect(server.backend.run(id)?.files.keys.contains { $0.hasPrefix("model_") } == false)
        #expect(server.backend.violations == [])
    }

    @Test func anAgentThatOutlivesAnOutageSendsWhatItLeftBeforeItEnds() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { _, _ in .refuse(status: 401) }
        try writeExperiment(steps: 15_000)
        _ = try bench.write("small:\n  seed:\n    values: [0, 1]\n", to: "sweep.yaml")
        _ = try await bench.orchestrator(
            Self.submit + ["--sweep", "sweep.yaml", "--no-create_report"], adding: tracking(server.baseURL))
        let runs = try await bench.status(of: 1).runs
        try await eventually(within: .seconds(300)) {
            let log = FileManager.default.contents(atPath: runs[0].folder + "/output.log") ?? Data()
            return String(decoding: log, as: UTF8.self).contains("W&B: rows are kept in ")
        }
        server.backend.inject { _, _ in .none }
        try await eventually(within: .seconds(300)) {
            runs.allSatisfy { server.backend.run($0.run)?.exitCodes == [0] }
        }
        #expect(server.backend.violations == [])
        try await eventually {
            try await !bench.orchestrator(["status", "1"]).output.contains("not on W&B yet")
        }
    }

    @Test func aJobWithFailuresSendsAnAlert() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try writeExperiment(steps: 2000)
        _ = try bench.write("small:\n  lr:\n    values: [0.001, 1.0e+30]\n", to: "sweep.yaml")
        let answer = try await bench.orchestrator(
            Self.submit + ["--sweep", "sweep.yaml", "--max-retries", "0", "--watch"], adding: tracking(server.baseURL))
        #expect(answer.code == 1, "\(answer.error)\(answer.output)")
        let job = try await bench.status(of: 1)
        let failed = try #require(job.runs.first { $0.status == "failed" })
        try await eventually { server.backend.alerts.count == 2 }
        let first = try #require(server.backend.alerts.first)
        #expect(first.title == "\(job.token): run \(failed.run) failed" && first.text == failed.error)
        let alert = try #require(server.backend.alerts.last)
        #expect(alert.run == failed.run)
        #expect(alert.title == "\(job.token): 1 of 2 runs failed")
        #expect(alert.text == "- 1 of them: \(failed.error ?? "")")
        #expect(server.backend.alerts.count == 2)
        #expect(server.backend.violations == [])
    }

    @Test func aRunThatIsKilledGoesOnFromTheServersCounts() async throws {
        let server = try HangUpServer()
        defer { server.stop() }
        // The rows arrive, but the worker never hears of it.
        server.backend.inject { _, request in
            request.body.range(of: Data("wandb-history".utf8)) != nil ? .resetAfterTheWork : .none
        }
        try await killAndGoOn(server, kills: 1, steps: 150_000)
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil))
    func aRunThatIsKilledAgainAndAgainWhileAThirdOfRequestsFailIsWhole() async throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { number, _ in
            switch (number * 7) % 10 {
            case 0: .refuse(status: 500)
            case 1: .resetAfterTheWork
            case 2: number % 2 == 0 ? .refuse(status: 429, retryAfter: "0") : .failAfterTheWork(status: 502)
            default: .none
            }
        }
        try await killAndGoOn(server, kills: 3, steps: 300_000)
    }

    /// Shoots the worker once the server has rows of it, lets the next go on, and looks at what arrived.
    private func killAndGoOn(_ server: HangUpServer, kills: Int, steps: Int) async throws {
        try writeExperiment(steps: steps)
        let tracking = tracking(server.baseURL)
        _ = try await bench.orchestrator(Self.submit, adding: ["SPD_WORKER": "/bin/true"])
        let worker = ["--job-id", "1", "--lease", "2", "--checkpoint-every", "1"]
        let id = try await bench.status(of: 1).runs[0].run
        for _ in 1...kills {
            let doomed = Task { try await bench.run(Workbench.products + "/worker", worker, adding: tracking) }
            let before = server.backend.run(id)?.history.count ?? 0
            try await eventually(within: .seconds(60)) { server.backend.run(id)?.history.count ?? 0 > before }
            let process = try await bench.status(of: 1).agents.last { $0.state == "running" }?.pid
            kill(pid_t(try #require(process)), SIGKILL)
            #expect(try await doomed.value.code == nil, "it was shot")
            if kills == 1 { server.backend.inject { _, _ in .none } }
        }
        let last = try await bench.run(Workbench.products + "/worker", worker, adding: tracking)
        #expect(last.code == 0, "\(last.error)")

        let run = try #require(server.backend.run(id))
        #expect(server.backend.violations == [])
        #expect(try await bench.status(of: 1).counts.done == 1)
        let rows = try run.history.map { try #require(JSONValue(parsing: $0)["_step"]?.integer) }
        #expect(rows == Array(stride(from: 0, through: steps, by: 100)))
        #expect(run.rewritten == 0)
        #expect(run.exitCodes == [0])
    }

    @Test func aStopOnTheRunsPageEndsItWithItsStateSaved() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try writeExperiment(steps: 6_000_000)
        _ = try await bench.orchestrator(Self.submit, adding: tracking(server.baseURL))
        let id = try await bench.status(of: 1).runs[0].run
        try await eventually { server.backend.run(id) != nil }

        server.backend.pressStop(id)

        try await eventually(within: .seconds(60)) { server.backend.run(id)?.exitCodes == [255] }
        let run = try await bench.status(of: 1).runs[0]
        #expect(run.status == "failed")
        #expect(run.error?.hasPrefix("stopped on its W&B page at step ") == true)
        let files = try FileManager.default.contentsOfDirectory(atPath: run.folder)
        #expect(files.contains { $0.hasPrefix("checkpoint_") })
        #expect(server.backend.violations == [])
    }

    @Test func aCancelledRunsPageIsClosedAndOpenedAgainByARetry() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try writeExperiment(steps: 90_000)
        let tracking = tracking(server.baseURL)
        _ = try await bench.orchestrator(Self.submit, adding: tracking)
        let id = try await bench.status(of: 1).runs[0].run
        try await eventually { server.backend.run(id) != nil }

        #expect(try await bench.orchestrator(["cancel", id]).code == 0)

        try await eventually { server.backend.run(id)?.state == "failed" }
        #expect(try await bench.orchestrator(["retry", "1", "--run", id]).code == 0)
        #expect(try await bench.orchestrator(["resume", "1", "--watch"], adding: tracking).code == 0)
        try await eventually { server.backend.run(id)?.state == "finished" }
        let run = try #require(server.backend.run(id))
        #expect(run.exitCodes == [255, 0])
        #expect(run.history.count == 901)
        #expect(server.backend.violations == [])
    }
}
