import Foundation
import HTTP
import JSON
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// Tables and final weights become artifacts, as W&B's own client makes them, and cost a run nothing where they can't.
struct ArtifactTests {
    private let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: scratch.spool, withIntermediateDirectories: true)
        try Data("weights".utf8).write(to: URL(fileURLWithPath: scratch.path + "/run/model_3.safetensors"))
    }

    private func track(_ baseURL: String, notices: Notices = Notices()) throws -> Delivery {
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.spool, settings: try .pointing(at: baseURL), pacing: .hasty,
            notify: { notices.add($0) })
        let table = Media.table(
            columns: ["token", "ci"], rows: [[.string("a"), .number(1)], [.string("b"), .number(2)]])
        tracker.log(step: 3, values: [], media: [("embed ci/sample", table)])
        tracker.uploadModel("model_3.safetensors", as: "model_3.safetensors")
        return tracker.finish(exitCode: 0)
    }

    private func expectBoth(_ server: HangUpServer) throws {
        let versions = server.backend.artifacts.versions
        #expect(versions.map(\.collection) == ["run-run-1-embedcisample", "run-run-1-model"])
        #expect(versions.map(\.type) == ["run_table", "model"])
        let committed = versions.allSatisfy { $0.isCommitted }
        #expect(committed)
        #expect(versions.last?.files["model_3.safetensors"] == Data("weights".utf8))
        // A row names its table's artifact before it is there.
        let run = try #require(server.backend.run("run-1"))
        let row = try JSONValue(parsing: try #require(run.history.first))
        let value = try #require(row["embed ci/sample"])
        let name = try #require(versions.first?.files.keys.first { $0.hasSuffix(".table.json") })
        let client = try #require(versions.first?.clientID)
        #expect(value["artifact_path"]?.string == "wandb-client-artifact://\(client)/\(name)")
        let path = try #require(value["path"]?.string)
        #expect(run.files[path] == versions.first?.files[name])
    }

    @Test func tablesAndWeightsBecomeArtifactsOfTheRun() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        #expect(try track(server.baseURL) == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
        try expectBoth(server)
        #expect(server.backend.violations == [])
    }

    @Test(arguments: 2..<6) func theyArriveOnceThroughAServerThatHangsUp(every: Int) throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { number, _ in number % every == 1 ? .resetAfterTheWork : .none }
        #expect(try track(server.baseURL) == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
        try expectBoth(server)
        #expect(server.backend.violations == [])
    }

    @Test func aServerWithoutArtifactsCostsTheRunNothing() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.artifacts.isOffered = false
        let notices = Notices()
        #expect(try track(server.baseURL, notices: notices) == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
        #expect(server.backend.run("run-1")?.files["model_3.safetensors"] == Data("weights".utf8))
        #expect(server.backend.run("run-1")?.exitCodes == [0])
        #expect(
            notices.all.contains {
                $0.contains("artifacts are left out (127.0.0.1 refused CreateArtifact: artifacts are not enabled)")
            })
    }

    @Test func whoeverSendsThemAgainMakesNoSecondVersion() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        _ = try track(server.baseURL)
        // As after a crash before the position was written.
        let folder = SpoolFolder(path: scratch.spool)
        try folder.unfold()
        var position = try #require(try folder.sent())
        position.completed = nil
        position.completing = nil
        position.files = SentPosition.File()
        try folder.write(position)
        let settings = try WandBSettings.pointing(at: server.baseURL)
        let sender = RunSender(
            folder: folder.path, settings: settings, key: try #require(settings.apiKey), client: try HTTPClient(),
            pacing: .hasty)
        while !sender.isFinished { _ = sender.step(at: .now) }
        try expectBoth(server)
    }
}
