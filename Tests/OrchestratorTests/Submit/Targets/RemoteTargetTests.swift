import Foundation
import Testing

@testable import StandInWandB

/// Targets that a config names by their runs on W&B, from the submission to the trained run.
struct RemoteTargetTests {
    let bench: Workbench
    let server: StandInServer
    private static let reference = "wandb:lab/spd-train/runs/abc123"

    init() async throws {
        server = try await StandInServer.start()
        bench = try Workbench(
            "targets",
            adding: [
                "WANDB_BASE_URL": server.baseURL, "WANDB_API_KEY": StandInBackend.key, "WANDB_MODE": "offline",
            ].merging(TrainingEndToEndTests.realWorker) { $1 })
        let names = ["tms_train_config.yaml", "tms.pth"]
        let files = try names.map { name in
            (name, try Data(contentsOf: URL(filePath: Workbench.package + "/Tests/Fixtures/torch/tms/" + name)))
        }
        server.backend.put(files: Dictionary(uniqueKeysWithValues: files), as: "abc123", project: "spd-train")
        _ = try bench.write(config(Self.reference), to: "a.yaml")
    }

    private func config(_ target: String) -> String {
        TrainingEndToEndTests.experiment(steps: 200).replacing("train:small", with: target)
    }

    private var place: String { bench.cache + "/runs/spd-train-abc123" }

    @Test func aSubmissionDownloadsTheTargetAndRunsUseIt() async throws {
        defer { server.stop() }
        let preview = try await bench.orchestrator(["submit", "--experiments", "a.yaml", "--dry-run"])
        #expect(preview.output.contains("Would download \(Self.reference) to \(place)."), "\(preview.output)")
        #expect(!FileManager.default.fileExists(atPath: place))

        let submit = ["submit", "--experiments", "a.yaml", "--executor", "local", "--watch"]
        let answer = try await bench.orchestrator(submit)
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.error == "orchestrator: downloads \(Self.reference)\n")
        let again = try await bench.orchestrator(submit)
        #expect(again.code == 0 && again.error == "", "\(again.error)")
        #expect(server.backend.downloads.served == ["tms.pth": 1, "tms_train_config.yaml": 1])
        #expect(server.backend.violations == [])

        let job = try await bench.status(of: 1)
        let shown = try String(contentsOfFile: job.runs[0].folder + "/final_config.yaml", encoding: .utf8)
        #expect(shown.contains("pretrained_model_path: \(Self.reference)"))

        // What was downloaded belongs to no job.
        let cleaned = try await bench.orchestrator(["clean", "1", "2", "--yes"])
        #expect(cleaned.code == 0, "\(cleaned.error)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: bench.cache + "/runs").sorted()
                == ["spd-train-abc123", "spd-train-abc123.lock"])
        #expect(try await bench.orchestrator(["clean"]).output == "There is nothing to delete.\n")
    }

    @Test func anAgentDownloadsWhatHasGoneFromTheCache() async throws {
        defer { server.stop() }
        let worker = try bench.writeProgram("exec sleep 60", to: "idle")
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "a.yaml", "--executor", "local"], adding: ["SPD_WORKER": worker])
        #expect(answer.code == 0, "\(answer.error)")
        try FileManager.default.removeItem(atPath: place)
        let agent = try await bench.run(Workbench.products + "/worker", ["--job-id", "1"])
        #expect(agent.code == 0, "\(agent.error)")
        #expect(try await bench.status(of: 1).counts.done == 1)
        #expect(server.backend.downloads.served["tms.pth"] == 2)
        kill(pid_t(try #require(try await bench.status(of: 1).agents[0].pid)), SIGKILL)
    }

    @Test func aReferenceThatLeadsNowhereIsToldAndNothingStored() async throws {
        defer { server.stop() }
        _ = try bench.write(config("wandb:lab/spd-train/runs/abc124"), to: "b.yaml")
        let wrong = try await bench.orchestrator(["submit", "--experiments", "b.yaml"])
        #expect(wrong.code == 2)
        let expected =
            "pretrained_model_path wandb:lab/spd-train/runs/abc124: lab/spd-train has no run 'abc124'; its latest are "
            + "abc123; nothing was stored\n"
        #expect(wrong.error.hasSuffix(expected), "\(wrong.error)")
        let keyless = try await bench.orchestrator(
            ["submit", "--experiments", "a.yaml"], adding: ["WANDB_API_KEY": ""])
        #expect(keyless.code == 2)
        #expect(keyless.error.contains("no WANDB_API_KEY is set, which downloading needs"), "\(keyless.error)")
        server.backend.inject { _, _ in .refuse(status: 403) }
        let refused = try await bench.orchestrator(["submit", "--experiments", "a.yaml"])
        #expect(refused.code == 1)
        #expect(try await bench.orchestrator(["list"]).output.contains("No job has been submitted"))
    }
}
