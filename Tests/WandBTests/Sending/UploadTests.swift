import Artifacts
import Foundation
import JSON
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// Files of a run: put at the addresses the server gives, without credentials, before the run's exit.
struct UploadTests {
    private let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: scratch.spool, withIntermediateDirectories: true)
    }

    private func write(_ text: String, to name: String) throws {
        try text.write(toFile: scratch.path + "/run/" + name, atomically: true, encoding: .utf8)
    }

    private func track(_ baseURL: String) throws -> Delivery {
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.spool, settings: try .pointing(at: baseURL), pacing: .hasty)
        tracker.upload("final_config.yaml", as: "final_config.yaml")
        tracker.log(step: 0, values: [])
        tracker.upload("missing.txt", as: "missing.txt")
        tracker.upload(scratch.path + "/run/empty", as: "target/empty")
        return tracker.finish(exitCode: 0)
    }

    enum Trouble: CaseIterable, Sendable {
        case none, everyThirdFails, everyThirdBreaks, everyThirdBreaksAfterItsWork, expiredAddresses

        func fault(_ number: Int, _ request: StandInBackend.Request) -> StandInBackend.Fault {
            switch self {
            case .none: .none
            case .everyThirdFails: number % 3 == 1 ? .refuse(status: 500) : .none
            case .everyThirdBreaks: number % 3 == 1 ? .resetBeforeTheWork : .none
            case .everyThirdBreaksAfterItsWork: number % 3 == 1 ? .resetAfterTheWork : .none
            case .expiredAddresses: request.method == "PUT" && number < 8 ? .refuse(status: 403) : .none
            }
        }
    }

    @Test(arguments: Trouble.allCases) func filesArriveBeforeTheExitThrough(_ trouble: Trouble) throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { trouble.fault($0, $1) }
        let config = "seed: 0\n" + String(repeating: "# a long file\n", count: 50_000)
        try write(config, to: "final_config.yaml")
        try write("", to: "empty")
        let delivery = try track(server.baseURL)
        #expect(delivery == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
        #expect(server.backend.violations == [])
        let run = try #require(server.backend.run("run-1"))
        #expect(run.files["final_config.yaml"] == Data(config.utf8))
        #expect(run.files["target/empty"] == Data())
        #expect(
            run.uploaded.sorted() == [
                "config.yaml", "final_config.yaml", "target/empty", "wandb-metadata.json", "wandb-summary.json",
            ])
        let metadata = try JSONValue(parsing: [UInt8](try #require(run.files["wandb-metadata.json"])))
        #expect(metadata["host"] == .string("n17"))
        #expect(run.exitCodes == [0])
        #expect(!(try scratch.contents()).contains("X-Signature"))
    }

    @Test func aFileThatIsAlwaysRefusedDoesNotKeepTheRunFromEnding() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { _, request in request.method == "PUT" ? .refuse(status: 400) : .none }
        try write("x", to: "final_config.yaml")
        try write("", to: "empty")
        _ = try track(server.baseURL)
        #expect(server.backend.violations == [])
        #expect(server.backend.run("run-1")?.files.isEmpty == true)
        #expect(server.backend.run("run-1")?.exitCodes == [0])
    }

    @Test func aPartOfAFileIsUploadedAsAFileOfItsOwn() async throws {
        // It takes what follows a body for the next request.
        let server = try await StandInServer.start()
        defer { server.stop() }
        let dot = try #require(
            Data(
                base64Encoded:
                    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
            ))
        let path = scratch.path + "/run/figures_0.zip"
        let rest = [UInt8](repeating: 7, count: 300_000)
        let pack = try FilePack.write([("other.txt", [1, 2, 3]), ("dot.png", [UInt8](dot)), ("rest", rest)], to: path)
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.spool, settings: try .pointing(at: server.baseURL), pacing: .hasty)
        for step in 0..<5 {
            tracker.log(step: step, values: [], media: [("dot", .image(path: path, place: pack.entries[1].place))])
        }
        #expect(tracker.finish(exitCode: 0) == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
        #expect(server.backend.violations == [])
        let run = try #require(server.backend.run("run-1"))
        let pictures = run.files.filter { $0.key.hasPrefix("media/images/") }
        #expect(pictures.count == 5 && pictures.values.allSatisfy { $0 == dot })
    }

    @Test func filesThatTheServerHasAreNotUploadedAgain() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        try write("x", to: "final_config.yaml")
        try write("", to: "empty")
        _ = try track(server.baseURL)
        let puts = Notices()
        server.backend.inject { _, request in
            if request.method == "PUT" { puts.add(request.path) }
            return .none
        }
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.spool, settings: try .pointing(at: server.baseURL),
            pacing: .hasty)
        tracker.log(step: 1, values: [])
        _ = tracker.finish(exitCode: 0)
        #expect(puts.all.count == 1, "the summary has changed, nothing else")
        #expect(server.backend.violations == [])
        #expect(server.backend.run("run-1")?.exitCodes == [0, 0])
    }
}
