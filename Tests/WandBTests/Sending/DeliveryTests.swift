import Foundation
import HTTP
import JSON
import Synchronization
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// A tracked run from its first row to its exit, against a server with and without faults.
struct DeliveryTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func track(
        _ baseURL: String, rows: Range<Int> = 0..<50, exitCode: Int32 = 0, pacing: SendPacing = .hasty,
        clock: RunClock = .system
    ) throws -> Delivery {
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.spool, settings: try .pointing(at: baseURL), pacing: pacing,
            clock: clock)
        for step in rows {
            tracker.log(
                step: step,
                values: [("loss/total", .number(1 / Double(step + 1))), ("bad", .number(Double.nan))])
            tracker.console("step \(step)")
            if step % 10 == 0 { usleep(20_000) }
        }
        return tracker.finish(exitCode: exitCode)
    }

    private func expectWhole(_ backend: StandInBackend, rows: Range<Int> = 0..<50) throws {
        #expect(backend.violations == [])
        let run = try #require(backend.run("run-1"))
        #expect(try steps(run) == Array(rows))
        #expect(run.rewritten == 0)
        #expect(run.output.count == rows.count)
        #expect(run.exitCodes == [0])
    }

    @Test func aRunArrivesWithItsConfigRowsSummaryAndExit() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        // The run begins at 7 seconds, and all else is 3 seconds later.
        let readings = Mutex(0)
        let clock = RunClock(
            date: RunClock.system.date,
            uptime: {
                readings.withLock { count in
                    count += 1
                    return count == 1 ? 7 : 10
                }
            })
        let delivery = try await blocking { try track(server.baseURL, clock: clock) }
        try expectWhole(server.backend)
        let run = try #require(server.backend.run("run-1"))
        #expect(delivery == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
        #expect(run.state == "finished")
        #expect(run.displayName == "tms5-2")
        #expect(run.tags == ["tms", "sweep/x"])
        let config = try JSONValue(parsing: run.config)
        #expect(config["lr"]?["value"] == .number(literal: "0.001"))
        #expect(config["task_config"]?["value"]?["p"] == .number(literal: "0.05"))
        #expect(config["n"]?["value"] == .null)
        let summary = try JSONValue(parsing: try #require(run.summary))
        #expect(summary["_step"]?.integer == 49)
        #expect(summary["loss/total"]?.double == 0.02)
        #expect(summary["bad"] == .number(literal: "NaN"))
        #expect(summary["_wandb"]?["runtime"]?.integer == 3)
        #expect(!run.events.isEmpty)
        #expect(run.output[7].hasSuffix(" step 7"))
    }

    @Test func anExitCodeOtherThanZeroMarksTheRunFailed() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        _ = try await blocking { try track(server.baseURL, exitCode: 3) }
        #expect(server.backend.run("run-1")?.state == "failed")
        #expect(server.backend.run("run-1")?.exitCodes == [3])
    }

    enum Trouble: String, CaseIterable, Sendable {
        case everyThirdFails, everyThirdFailsAfterItsWork, everyThirdIsTooMany, slow,
            everyFourthIsUnauthorised
        case wrongGateways

        func fault(_ number: Int) -> StandInBackend.Fault {
            switch self {
            case .everyThirdFails: number % 3 == 1 ? .refuse(status: 500) : .none
            case .everyThirdFailsAfterItsWork: number % 3 == 1 ? .failAfterTheWork(status: 502) : .none
            case .everyThirdIsTooMany: number % 3 == 1 ? .refuse(status: 429, retryAfter: "0") : .none
            case .slow: .slow(.milliseconds(60))
            case .everyFourthIsUnauthorised: number % 4 == 3 ? .refuse(status: 401) : .none
            case .wrongGateways: number % 5 < 3 ? .refuse(status: 503) : .none
            }
        }
    }

    @Test(arguments: Trouble.allCases) func everyRowArrivesOnceThrough(_ trouble: Trouble) async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { number, _ in trouble.fault(number) }
        let delivery = try await blocking { try track(server.baseURL) }
        try expectWhole(server.backend)
        #expect(delivery == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
    }

    @Test(arguments: [true, false]) func everyRowArrivesOnceThroughConnectionsThatBreak(afterTheWork: Bool)
        throws
    {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { number, _ in
            guard number % 3 == 1 else { return .none }
            return afterTheWork ? .resetAfterTheWork : .resetBeforeTheWork
        }
        _ = try track(server.baseURL)
        try expectWhole(server.backend)
    }

    @Test func aDeadServerKeepsNeitherTrainingNorTheEndWaiting() throws {
        let silent = try HangUpServer()
        silent.stop()
        var pacing = SendPacing.hasty
        pacing.deadServerPatience = .milliseconds(200)
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.spool, settings: try .pointing(at: silent.baseURL),
            pacing: pacing)
        for step in 0..<5000 { tracker.log(step: step, values: [("loss", .number(Double(step)))]) }
        guard case .left(let folder, let reason) = tracker.finish(exitCode: 0) else {
            Issue.record("nobody could have taken the rows")
            return
        }
        #expect(folder == scratch.spool)
        #expect(reason.contains("cannot connect to 127.0.0.1"))
        let history = try scratch.spooled("wandb-history.jsonl")
        #expect(history.split(separator: "\n").count == 5000)
    }

    @Test func troubleIsAnnouncedOnceAndSoIsItsEnd() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        let notices = Notices()
        server.backend.inject { number, request in
            (2..<12).contains(number) ? .refuse(status: 503) : .none
        }
        try await blocking {
            let tracker = RunTracker(
                run: try .sample(), folder: scratch.spool, settings: try .pointing(at: server.baseURL),
                pacing: .hasty, notify: { notices.add($0) })
            var step = 0
            while notices.all.count < 3, step < 5000 {
                tracker.log(step: step, values: [])
                step += 1
                usleep(1000)
            }
            _ = tracker.finish(exitCode: 0)
        }
        #expect(
            notices.all == [
                "W&B: run at \(server.baseURL)/lab/spd/runs/run-1",
                "W&B: 127.0.0.1 answered 503: injected; training continues, rows are kept in \(scratch.spool)",
                "W&B: rows are being sent again",
            ])
    }

    @Test func whatADeadServerLeftIsSentLaterByAnotherSender() async throws {
        let silent = try HangUpServer()
        silent.stop()
        var pacing = SendPacing.hasty
        pacing.deadServerPatience = .milliseconds(100)
        _ = try track(silent.baseURL, pacing: pacing)
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking { try drain(server.baseURL) }
        try expectWhole(server.backend)
    }

    @Test func theServersRequestToWaitIsHeeded() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { _, _ in .refuse(status: 429, retryAfter: "77") }
        try await blocking {
            try SpoolFolder(path: scratch.spool).create()
            var writer = try SpoolWriter(
                folder: SpoolFolder(path: scratch.spool), description: try .sample(), clock: .system)
            try writer.log(step: 0, values: [])
            let settings = try WandBSettings.pointing(at: server.baseURL)
            let sender = RunSender(
                folder: scratch.spool, settings: settings, key: try #require(settings.apiKey),
                client: try HTTPClient())
            let now = ContinuousClock.now
            var due = sender.step(at: now)
            while server.backend.requests == 0 { due = sender.step(at: now) }
            // From the reply on, which took a moment.
            #expect(try #require(due) - now >= .seconds(77))
            sender.hurry()
            #expect(sender.step(at: now + .seconds(76)) == due)
            #expect(server.backend.requests == 1)
        }
    }

    @Test func aStopOnTheRunsPageReachesTheTrainingLoop() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        let rows = try await blocking {
            let tracker = RunTracker(
                run: try .sample(), folder: scratch.spool, settings: try .pointing(at: server.baseURL),
                pacing: .hasty)
            tracker.log(step: 0, values: [])
            while server.backend.run("run-1") == nil { usleep(1000) }
            #expect(!tracker.stopRequested)
            server.backend.pressStop("run-1")
            var step = 1
            while !tracker.stopRequested, step < 5000 {
                tracker.log(step: step, values: [("x", .number(step))])
                step += 1
                usleep(1000)
            }
            #expect(tracker.stopRequested)
            _ = tracker.finish(exitCode: 255)
            return step
        }
        #expect(server.backend.violations == [])
        #expect(try steps(server.backend.run("run-1")) == Array(0..<rows))
    }

    @Test func offlineEverythingStaysInTheFolderAndSaysSo() throws {
        var settings = WandBSettings()
        settings.mode = .offline
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.spool, settings: settings, pacing: .hasty)
        tracker.log(step: 0, values: [("x", .number(1))])
        #expect(tracker.finish(exitCode: 0) == .left(folder: scratch.spool, reason: "WANDB_MODE is offline"))
    }

    @Test func disabledNothingIsWritten() throws {
        var settings = WandBSettings()
        settings.mode = .disabled
        let tracker = RunTracker(run: try .sample(), folder: scratch.spool, settings: settings)
        tracker.log(step: 0, values: [("x", .number(1))])
        #expect(tracker.finish(exitCode: 0) == .disabled)
        #expect(!FileManager.default.fileExists(atPath: scratch.spool))
    }

    @Test func noFileOfARunHoldsTheKey() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { number, _ in number == 1 ? .refuse(status: 401) : .none }
        _ = try await blocking { try track(server.baseURL) }
        let contents = try scratch.contents()
        #expect(contents.contains("loss/total"))
        #expect(!contents.contains(StandInBackend.key))
        #expect(!contents.contains(Data("api:\(StandInBackend.key)".utf8).base64EncodedString()))
    }

    /// Sends what the folder holds, as `sync` will.
    private func drain(_ baseURL: String) throws {
        let settings = try WandBSettings.pointing(at: baseURL)
        let sender = RunSender(
            folder: scratch.spool, settings: settings, key: try #require(settings.apiKey),
            client: try HTTPClient(),
            pacing: .hasty)
        var now = ContinuousClock.now
        for _ in 0..<1000 {
            guard let due = sender.step(at: now) else { return }
            now = max(now, due)
        }
        Issue.record("the folder was not drained: \(sender.problem.map { "\($0)" } ?? "no problem")")
    }
}
