import Foundation
import HTTP
import JSON
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// What a run's page shows besides rows and files, and how `wandb sync` and ours leave each other's runs alone.
struct RunPageTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func tracker(
        _ settings: WandBSettings, notices: Notices = Notices(), repository: String? = nil, commit: String? = nil
    ) throws -> RunTracker {
        let run = try RunDescription(
            id: "a1b2c3d4", project: "spd", config: "{}", host: "n17", program: "worker", commit: commit,
            repository: repository)
        return RunTracker(
            run: run, folder: scratch.spool, settings: settings, pacing: .hasty, offlineFolders: scratch.offline,
            notify: { notices.add($0) })
    }

    @Test func aRunThatIsTakenOffItsMachineIsPreemptingUntilItGoesOn() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        let settings = try WandBSettings.pointing(at: server.baseURL)
        let first = try tracker(settings)
        first.log(step: 0, values: [])
        _ = first.suspend(isPreempted: true)
        #expect(server.backend.run("a1b2c3d4")?.state == "preempting")
        let second = try tracker(settings)
        second.log(step: 1, values: [])
        _ = second.finish(exitCode: 0)
        #expect(server.backend.run("a1b2c3d4")?.state == "finished")
        #expect(try steps(server.backend.run("a1b2c3d4")) == [0, 1])
        #expect(server.backend.violations == [])
    }

    @Test func everyNumberIsDefinedOverTheStepAndTheCommitIsTold() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        let commit = String(repeating: "ab", count: 20)
        let tracker = try tracker(
            .pointing(at: server.baseURL), repository: "https://example.org/spd.git", commit: commit)
        tracker.log(step: 0, values: [("loss/total", .number(1)), ("note", .string("text"))])
        _ = tracker.finish(exitCode: 0)
        let run = try #require(server.backend.run("a1b2c3d4"))
        let definitions = try JSONValue(parsing: run.config)["_wandb"]?["value"]?["m"]?.elements
        #expect(definitions?.map { $0["1"]?.string } == ["_step", "loss/total"])
        #expect(definitions?.map { $0["5"]?.integer } == [nil, 1])
        let upsert = try JSONValue(parsing: Array(run.lastUpsert))["variables"]
        #expect(upsert?["repo"]?.string == "https://example.org/spd.git")
        #expect(upsert?["commit"]?.string == commit)
    }

    @Test func aBadKeyIsTheReasonThatIsTold() throws {
        var bad: WandBSettings?
        do { _ = try APIKey("short") } catch { bad = .offline(because: error) }
        let notices = Notices()
        let tracker = try tracker(try #require(bad), notices: notices)
        tracker.log(step: 0, values: [])
        guard case .left(_, let reason) = tracker.finish(exitCode: 0) else {
            Issue.record("nothing can be sent with a bad key")
            return
        }
        #expect(reason.contains("key") && !reason.contains("WANDB_MODE"))
        #expect(notices.all.contains { $0.contains("offline (\(reason))") })
    }

    private func writeOffline() throws -> OfflineRun {
        var offline = WandBSettings()
        offline.mode = .offline
        let tracker = try tracker(offline)
        tracker.log(step: 0, values: [])
        _ = tracker.finish(exitCode: 0)
        return try #require(try OfflineRun.write(from: scratch.spool, into: scratch.offline))
    }

    private func sync(_ baseURL: String) throws -> RelayStanding? {
        let settings = try WandBSettings.pointing(at: baseURL)
        var options = Relay.Options(
            settings: settings, key: try #require(settings.apiKey), presence: scratch.path + "/relay.alive")
        options.pacing = .hasty
        let relay = try Relay(options, budget: RequestBudget(perMinute: 100_000))
        relay.take([
            RelayedRun(
                id: "a1b2c3d4", folder: scratch.spool, end: .init(exitCode: 0, age: 0), offlineFolders: scratch.offline)
        ])
        relay.start()
        defer { relay.stop() }
        #expect(relay.open(isCancelled: { false }) == nil)
        for _ in 0..<4000 where relay.progress.standings["a1b2c3d4"] != .sent { usleep(5000) }
        return relay.progress.standings["a1b2c3d4"]
    }

    @Test func whatWeSentIsMarkedForWandBSync() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        let offline = try writeOffline()
        #expect(try SpoolFiles.marked(in: scratch.offline) == [])
        #expect(try sync(server.baseURL) == .sent)
        #expect(try SpoolFiles.marked(in: scratch.offline) == ["a1b2c3d4"])
        #expect(FileManager.default.fileExists(atPath: offline.path + "/run-a1b2c3d4.wandb.synced"))
    }

    @Test func whatWandBSyncSentIsPassedOver() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        let offline = try writeOffline()
        try Data().write(to: URL(fileURLWithPath: offline.path + "/run-a1b2c3d4.wandb.synced"))
        #expect(try sync(server.baseURL) == .sent)
        #expect(server.backend.run("a1b2c3d4") == nil)
        #expect(try SpoolFiles(folder: scratch.spool, offlineFolders: scratch.offline)?.isSent == true)
    }
}
