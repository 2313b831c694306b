import Foundation
import HTTP
import JSON
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// What W&B's own Python package makes of what we write; `make test-all` installs it.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"] != nil,
        "SPD_TEST_PYTHON names a python that has wandb (make test-all)"))
struct OfficialClientTests {
    private let scratch: TemporaryFolder
    private static let rows = 60

    init() throws { scratch = try TemporaryFolder() }

    /// A run with all that a run may have.
    private func track(_ settings: WandBSettings, exitCode: Int32 = 0) throws {
        try FileManager.default.createDirectory(atPath: scratch.path + "/run", withIntermediateDirectories: true)
        try Data("lr: 0.001\n".utf8).write(to: URL(filePath: scratch.path + "/run/final_config.yaml"))
        var run = try RunDescription.sample()
        run.entity = StandInBackend.entity
        run.notes = "a *note*"
        run.commit = String(repeating: "ab", count: 20)
        let tracker = RunTracker(run: run, folder: scratch.spool, settings: settings, pacing: .hasty)
        for step in 0..<Self.rows {
            tracker.log(
                step: step * 10,
                values: [
                    ("loss/total", .number(1 / Double(step + 1))), ("bad", .number(Double.nan)),
                    ("alive", .object([.init("gate", .number(step))])),
                ],
                media: step % 20 == 0 ? [try image(step)] : [])
            tracker.console("step \(step) of \"sixty\" ⚙", isError: step % 7 == 0)
            usleep(1000)
        }
        tracker.upload("final_config.yaml", as: "final_config.yaml")
        let delivery = tracker.finish(exitCode: exitCode)
        if settings.offlineReason == nil { #expect(delivery == .delivered(url: tracker.runURL)) }
    }

    /// A picture of one dot.
    private func image(_ step: Int) throws -> (name: String, medium: Media) {
        let bytes = try #require(
            Data(
                base64Encoded:
                    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
            ))
        let path = "\(scratch.path)/run/dot-\(step).png"
        try bytes.write(to: URL(filePath: path))
        return ("figures/dot", .image(path: path))
    }

    /// The rows in the run's folder.
    private func spooled() throws -> [JSONValue] {
        try scratch.spooled("wandb-history.jsonl")
            .split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    @Test func thePublicAPIReadsBackWhatARunHasLogged() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking { try track(.pointing(at: server.baseURL)) }
        #expect(server.backend.violations == [])
        let script = """
            import json, wandb
            run = wandb.Api(timeout=30).run("lab/spd/run-1")
            read = {
                "name": run.name, "id": run.id, "state": run.state, "tags": run.tags, "group": run.group,
                "job_type": run.job_type, "notes": run.notes, "commit": run.commit, "config": run.config,
                "summary": {k: run.summary.get(k) for k in ["_step", "loss/total", "bad"]},
                "history": run.history(samples=10000, pandas=False), "scan": list(run.scan_history(page_size=25)),
                "losses": list(run.scan_history(keys=["_step", "loss/total"])),
                "system": len(run.history(stream="system", pandas=False)),
                "files": {f.name: f.size for f in run.files()},
                "tagged": [r.id for r in wandb.Api().runs("lab/spd", filters={"tags": {"$in": ["sweep/x"]}})],
            }
            run.file("final_config.yaml").download(root="download", replace=True)
            read["final_config"] = open("download/final_config.yaml").read()
            print(json.dumps(read))
            """
        let read = try JSONValue(parsing: try await python(["-c", script], server))
        for (key, value) in [
            ("name", "tms5-2"), ("id", "run-1"), ("state", "finished"), ("group", "g"), ("job_type", "train"),
            ("notes", "a *note*"), ("commit", String(repeating: "ab", count: 20)), ("final_config", "lr: 0.001\n"),
        ] {
            #expect(read[key]?.string == value, "\(key)")
        }
        #expect(read["tags"]?.elements?.compactMap(\.string) == ["tms", "sweep/x"])
        #expect(read["tagged"]?.elements?.compactMap(\.string) == ["run-1"])
        #expect(read["config"]?["task_config"]?["p"]?.double == 0.05)
        #expect(read["summary"]?["_step"]?.integer == (Self.rows - 1) * 10)
        let rows = try spooled()
        try expect(read["history"], sameAs: rows)
        try expect(read["scan"], sameAs: rows)
        #expect(read["losses"]?.elements?.map { $0["loss/total"]?.double } == rows.map { $0["loss/total"]?.double })
        #expect((read["system"]?.integer ?? 0) > 0)
        let files = try #require(server.backend.run("run-1")).files
        #expect(files.keys.contains { $0.hasPrefix("media/images/") })
        for (name, bytes) in files { #expect(read["files"]?[name]?.integer == bytes.count, "\(name)") }
    }

    @Test(arguments: [0, 1] as [Int32]) func wandbSyncUploadsAnOfflineRunWhole(exitCode: Int32) async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        var settings = WandBSettings()
        settings.mode = .offline
        let offlineSettings = settings
        try await blocking { try track(offlineSettings, exitCode: exitCode) }
        let offline = try #require(try OfflineRun.write(from: scratch.spool, into: scratch.offline))
        _ = try await python(["-m", "wandb", "sync", offline.path], server)

        let run = try #require(server.backend.run("run-1"))
        #expect(try run.history.count == spooled().count)
        try expect(.array(run.history.map { try JSONValue(parsing: $0) }), sameAs: try spooled())
        #expect(run.exitCodes == [Int(exitCode)])
        #expect(run.state == (exitCode == 0 ? "finished" : "failed"))
        #expect(run.displayName == "tms5-2")
        #expect(run.tags == ["tms", "sweep/x"])
        let attributes = server.backend.attributes(run)
        #expect(attributes["groupName"] as? String == "g")
        #expect(attributes["notes"] as? String == "a *note*")
        #expect(attributes["commit"] as? String == String(repeating: "ab", count: 20))
        let config = try JSONValue(parsing: run.config)
        #expect(config["task_config"]?["value"]?["p"]?.double == 0.05)
        #expect(config["_wandb"]?["value"]?["t"]?["12"]?.string == RunEnvironment.protocolVersion)
        let summary = try JSONValue(parsing: try #require(run.summary))
        #expect(summary["_step"]?.integer == (Self.rows - 1) * 10)
        #expect(summary["loss/total"]?.double == 1 / Double(Self.rows))
        #expect(!run.events.isEmpty)
        let lines = run.output.map { $0.drop { $0 != " " }.dropFirst() }
        #expect(run.output.count == Self.rows)
        #expect(lines.indices.allSatisfy { run.output[$0].hasSuffix("step \($0) of \"sixty\" ⚙") })
        #expect(run.output[7].hasPrefix("ERROR "))
        #expect(run.files["final_config.yaml"] == Data("lr: 0.001\n".utf8))
        #expect(run.files.keys.filter { $0.hasPrefix("media/images/") }.count == 3)

        let files = try #require(try SpoolFiles(folder: scratch.spool, offlineFolders: scratch.offline))
        #expect(files.isSent, "and orchestrator sync passes it over")
    }

    @Test func wandbSyncPassesOverWhatWasSentFromTheFolderInTheMeantime() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        var settings = WandBSettings()
        settings.mode = .offline
        let offlineSettings = settings
        try await blocking { try track(offlineSettings) }
        _ = try #require(try OfflineRun.write(from: scratch.spool, into: scratch.offline))
        try await blocking { try relay(server.baseURL) }
        let before = try #require(server.backend.run("run-1"))
        #expect(before.exitCodes == [0])
        let requests = server.backend.requests

        _ = try await python(["-m", "wandb", "sync", scratch.offline], server)

        #expect(server.backend.requests == requests, "it asked for nothing")
        #expect(try OfflineRun.write(from: scratch.spool, into: scratch.offline) == nil)
    }

    /// Sends what the folder holds as `orchestrator sync` does.
    private func relay(_ baseURL: String) throws {
        let settings = try WandBSettings.pointing(at: baseURL)
        let sender = RunSender(
            folder: scratch.spool, settings: settings, key: try #require(settings.apiKey), client: try HTTPClient(),
            pacing: .hasty, offlineFolders: scratch.offline)
        var now = ContinuousClock.now
        for _ in 0..<1000 where !sender.isFinished { now = max(now, sender.step(at: now) ?? now) }
        #expect(sender.isFinished)
    }

    /// Compares rows by value: W&B's own client writes numbers and orders keys in its own way.
    private func expect(_ read: JSONValue?, sameAs rows: [JSONValue]) throws {
        let read = try #require(read?.elements)
        try #require(read.count == rows.count)
        for (one, other) in zip(read, rows) {
            guard case .object(let members) = other else { continue }
            for member in members { #expect(isSame(one[member.name], member.value), "\(member.name) of \(one.text)") }
        }
    }

    private func isSame(_ one: JSONValue?, _ other: JSONValue) -> Bool {
        switch (one, other) {
        case (nil, _): return false
        case (let one?, .object(let members)): return members.allSatisfy { isSame(one[$0.name], $0.value) }
        case (let one?, .array(let elements)):
            guard let found = one.elements, found.count == elements.count else { return false }
            return zip(found, elements).allSatisfy { isSame($0, $1) }
        case (let one?, _):
            guard let expected = other.double else { return one == other }
            guard let number = one.double else { return false }
            return number == expected || (number.isNaN && expected.isNaN)
        }
    }

    private func python(_ arguments: [String], _ server: StandInServer) async throws -> String {
        try await OfficialPython(home: scratch.path, server: server).run(arguments)
    }
}
