import Artifacts
import Foundation
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// `run`, `submit --set` and `logs` as somebody uses them who looks for what is wrong.
struct DebuggingTests {
    let bench: Workbench

    init() throws {
        bench = try Workbench(adding: TrainingEndToEndTests.realWorker)
        _ = try bench.write(TrainingEndToEndTests.experiment(steps: 200), to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
    }

    @Test func aSpecIsTrainedInTheForegroundAndGoesOnAfterAnInterruption() async throws {
        let once = try await bench.orchestrator(["run", "small.yaml", "--set", "seed=3", "--out", "once"])
        #expect(once.code == 0, "\(once.output)\(once.error)")
        #expect(once.output.contains("done: loss/total"))
        #expect(!FileManager.default.fileExists(atPath: bench.cache + "/state.sqlite"))
        let config = try String(contentsOfFile: bench.path + "/once/final_config.yaml", encoding: .utf8)
        #expect(config.contains("seed: 3\n"))

        // So many steps that it is surely at work when the signal comes.
        let arguments = ["run", "small.yaml", "--steps", "3000000", "--out", "long"]
        let process = try bench.start(arguments)
        let metrics = bench.path + "/long/metrics.jsonl"
        while process.isRunning, !FileManager.default.fileExists(atPath: metrics) {
            try await Task.sleep(for: .milliseconds(20))
        }
        let second = try await bench.orchestrator(arguments)
        #expect(second.code == 2)
        #expect(second.error.contains("is being trained by another process"), "\(second.error)")
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        let files = try FileManager.default.contentsOfDirectory(atPath: bench.path + "/long")
        #expect(files.contains { $0.hasPrefix("checkpoint_") }, "\(files)")
        let other = try await bench.orchestrator(["run", "small.yaml", "--out", "long"])
        #expect(other.code == 2)
        #expect(other.error.contains("holds a run of another spec"))
    }

    @Test func theTrainingOfATargetIsFollowedToo() async throws {
        let target = TrainingEndToEndTests.target.replacing(/steps: \d+/, with: "steps: 30000000")
        _ = try bench.write(target, to: "small_target.yaml")
        let process = try bench.start(["run", "small.yaml", "--out", "here"])
        defer { process.terminate() }
        try await eventually(within: .seconds(30)) {
            (try? String(contentsOfFile: bench.path + "/here/output.log", encoding: .utf8))?
                .contains(/target step \d+\/30000000  [\d.]+ steps\/s  ETA .+  loss [\d.]+/) ?? false
        }
    }

    @Test func aRunWhoseLinesAreNotTakenSaysSo() async throws {
        let answer = try await bench.run(
            "/bin/sh",
            ["-c", "\"$0\" run small.yaml --steps 2 --out full >/dev/full", Workbench.products + "/orchestrator"])
        #expect(answer.code == 1)
        #expect(answer.error.contains("cannot write standard output: "), "\(answer.error)")
        #expect(
            FileManager.default.fileExists(atPath: bench.path + "/full/metrics.jsonl"), "it is trained all the same")
    }

    @Test func aJobsSpecIsTrainedOnceMoreAndKeysAreSet() async throws {
        let submitted = try await bench.orchestrator([
            "submit", "--experiments", "small.yaml", "--set", "lr=0.002", "--set", "feature_probability=0.2",
            "--executor", "local", "--watch",
        ])
        #expect(submitted.code == 0, "\(submitted.error)")
        let run = try #require(try await bench.status(of: 1).runs.first)
        #expect(run.overrides == ["lr": "0.002", "task_config.feature_probability": "0.2"])
        let again = try await bench.orchestrator(["run", "--spec", run.run, "--out", "again"])
        #expect(again.code == 0, "\(again.output)\(again.error)")
        let original = try #require(FileManager.default.contents(atPath: run.folder + "/metrics.jsonl"))
        #expect(FileManager.default.contents(atPath: bench.path + "/again/metrics.jsonl") == original)

        let merged = try await bench.orchestrator(["logs", "1", "--grep", "done: |ends: ", "-n", "2"])
        let lines = merged.output.split(separator: "\n")
        #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("1.1  20") }, "\(merged.output)")
        #expect(lines.last?.hasSuffix("ends: no spec is left") == true)
    }

    @Test func badSettingsAreToldBeforeAnythingIsStored() async throws {
        for (setting, message) in [
            ("lrr=1", "unknown key 'lrr'; did you mean lr?"), ("lr", "expected KEY=VALUE"), ("lr=", "has no value"),
            ("lr=abc", "found \"abc\", expected a number > 0"), ("=1", "expected KEY=VALUE"),
            ("steps=[1", "--set steps:"), ("lr={a: 1}", "lr"),
        ] {
            for command in [["run", "small.yaml"], ["submit", "--experiments", "small.yaml", "--executor", "local"]] {
                let answer = try await bench.orchestrator(command + ["--set", setting])
                #expect(answer.code == 2, "\(setting)")
                #expect(answer.error.contains(message), "\(answer.error)")
            }
        }
        _ = try bench.write("small:\n  lr:\n    values: [0.1, 0.2]\n", to: "sweep.yaml")
        let clash = try await bench.orchestrator([
            "submit", "--experiments", "small.yaml", "--sweep", "sweep.yaml", "--set", "lr=1", "--dry-run",
        ])
        #expect(clash.error.contains("lr: varies in sweep.yaml; set it there"), "\(clash.error)")
        let twice = try await bench.orchestrator(["run", "small.yaml", "--steps", "3", "--set", "steps=4"])
        #expect(twice.error.contains("steps"), "\(twice.error)")
        #expect(bench.files().isEmpty)
    }
}

struct MergedLogTests {
    private let folder = NSTemporaryDirectory() + "spd-logs-" + UUID().uuidString

    private func file(_ name: String, _ lines: [String]) throws -> (name: String, path: String) {
        try DurableFile.createFolder(folder)
        let path = folder + "/" + name
        try DurableFile.write(lines.map { $0 + "\n" }.joined(), to: path)
        return (name, path)
    }

    @Test func linesStandInTheOrderInWhichTheyWereSaid() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try file("7.1", ["old", "2026-01-01T00:00:01Z a", "  its second line", "2026-01-01T00:00:05Z b"])
        let second = try file("7.12", ["2026-01-01T00:00:02Z c", "2026-01-01T00:00:04Z d"])
        let missing = (name: "7.3", path: folder + "/none")
        var log = MergedLog([first, second, missing], isNamed: true, try LogFilter(matching: nil, last: nil))
        #expect(
            try log.next(isFirst: true) == [
                "7.1   old", "7.1   2026-01-01T00:00:01Z a", "7.1     its second line",
                "7.12  2026-01-01T00:00:02Z c", "7.12  2026-01-01T00:00:04Z d", "7.1   2026-01-01T00:00:05Z b",
            ])
        #expect(try log.next().isEmpty)
        var last = MergedLog([first, second], isNamed: true, try LogFilter(matching: "[a-d]$", last: 2))
        #expect(try last.next(isFirst: true).map { $0.suffix(1) } == ["d", "b"])
        #expect(throws: Failure.self) { try LogFilter(matching: "(", last: nil) }
    }
}
