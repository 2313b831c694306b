import Foundation
import HTTP
import JSON
import Synchronization
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// Servers that are away for a while, in every way they can be: whatever happens, each row arrives once.
struct OutageTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func tracker(_ baseURL: String, pacing: SendPacing = .hasty) throws -> RunTracker {
        RunTracker(
            run: try .sample(), folder: scratch.spool, settings: try .pointing(at: baseURL), pacing: pacing)
    }

    /// A picture of one pixel.
    private static let png =
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1]
        as [UInt8]

    private func log(_ rows: Range<Int>, to tracker: RunTracker) throws {
        for step in rows {
            var media: [(name: String, medium: Media)] = []
            if step % 20 == 0 {
                let path = scratch.path + "/run/figure_\(step).png"
                try Data(Self.png + [UInt8(step % 256)]).write(to: URL(fileURLWithPath: path))
                media = [
                    ("figure", .image(path: path)), ("layers.0/ci", .histogram(edges: [0, 0.5, 1], counts: [3, 4])),
                    ("table", .table(columns: ["a", "b"], rows: [[.number(step), .string("x")]])),
                ]
            }
            tracker.log(step: step, values: [("x", .number(step)), ("bad", .number(Double.nan))], media: media)
            tracker.console("step \(step)", isError: step % 3 == 0)
            if step % 10 == 0 { usleep(5000) }
        }
    }

    private func expectWhole(_ backend: StandInBackend, rows: Range<Int>) throws {
        #expect(backend.violations == [])
        let run = try #require(backend.run("run-1"))
        #expect(try steps(run) == Array(rows))
        #expect(run.rewritten == 0)
        #expect(run.output.map { $0.split(separator: " ").last } == rows.map { "\($0)" })
        #expect(run.exitCodes == [0])
        let pictures = run.uploaded.filter { $0.hasPrefix("media/images/figure_") }
        #expect(Set(pictures).count == rows.filter { $0 % 20 == 0 }.count)
    }

    @Test(arguments: [true, false]) func whatIsNoAnswerThoughItSaysSuccessTakesNoRow(isPage: Bool) throws {
        let server = try HangUpServer()
        defer { server.stop() }
        let tracker = try tracker(server.baseURL)
        server.backend.inject { number, request in
            // A store's answer to a file is empty by right.
            guard number < 12, request.method != "PUT" || isPage else { return .none }
            guard request.method == "PUT" || request.path.hasSuffix("file_stream") else { return .none }
            return isPage ? .page : .blank
        }
        try log(0..<60, to: tracker)
        guard case .delivered = tracker.finish(exitCode: 0) else {
            Issue.record("not sent")
            return
        }
        try expectWhole(server.backend, rows: 0..<60)
    }

    /// Three of ten requests go wrong, in all the ways there are.
    @Test(arguments: [11, 12, 13] as [UInt64]) func everythingArrivesOnceThroughARandomThirdOfFailures(seed: UInt64)
        throws
    {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { number, _ in
            var dice = SeededGenerator(seed: seed &* 10_000 &+ UInt64(number))
            guard dice.next() % 10 < 3 else { return .none }
            switch dice.next() % 7 {
            case 0: return .refuse(status: 500)
            case 1: return .refuse(status: 429, retryAfter: "0")
            case 2: return .refuse(status: 429, retryAfter: "Mon, 01 Jan 2001 00:00:00 GMT")
            case 3: return .resetBeforeTheWork
            case 4: return .resetAfterTheWork
            case 5: return .failAfterTheWork(status: 502)
            default: return .slow(.milliseconds(5))
            }
        }
        let tracker = try tracker(server.baseURL)
        try log(0..<100, to: tracker)
        #expect(tracker.finish(exitCode: 0) == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
        try expectWhole(server.backend, rows: 0..<100)
    }

    @Test func aKeyThatIsRefusedForAWhilePausesTheRowsAndLosesNone() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { number, _ in (6..<20).contains(number) ? .refuse(status: 401) : .none }
        try await blocking {
            let tracker = try tracker(server.baseURL)
            try log(0..<50, to: tracker)
            while server.backend.requests < 20 { usleep(1000) }
            try log(50..<60, to: tracker)
            #expect(tracker.finish(exitCode: 0) == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
        }
        try expectWhole(server.backend, rows: 0..<60)
    }

    @Test func aKeyThatIsRefusedFromThenOnLeavesTheRestForASync() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { number, _ in number >= 6 ? .refuse(status: 401) : .none }
        var pacing = SendPacing.hasty
        pacing.deadServerPatience = .milliseconds(100)
        let quick = pacing
        try await blocking {
            let tracker = try tracker(server.baseURL, pacing: quick)
            try log(0..<50, to: tracker)
            guard case .left(_, let reason) = tracker.finish(exitCode: 0) else {
                Issue.record("nobody could have taken the rows")
                return
            }
            #expect(reason.contains("401"))
            server.backend.inject { _, _ in .none }
            let settings = try WandBSettings.pointing(at: server.baseURL)
            let sender = RunSender(
                folder: scratch.spool, settings: settings, key: try #require(settings.apiKey),
                client: try HTTPClient(), pacing: .hasty)
            var now = ContinuousClock.now
            while let due = sender.step(at: now) { now = max(now, due) }
        }
        try expectWhole(server.backend, rows: 0..<50)
    }

    @Test(arguments: [true, false]) func aServerThatDiesMidRunAndComesBackHasEveryRow(keepsItsMemory: Bool) async throws
    {
        let first = try await StandInServer.start()
        let port = try #require(URL(string: first.baseURL)?.port)
        let tracked = try await blocking {
            let tracker = try tracker(first.baseURL)
            try log(0..<30, to: tracker)
            while (first.backend.run("run-1")?.history.count ?? 0) < 10 { usleep(1000) }
            return tracker
        }
        await first.die()
        try await blocking { try log(30..<60, to: tracked) }
        let backend = keepsItsMemory ? first.backend : StandInBackend()
        let second = try await StandInServer.start(backend, port: UInt16(port))
        defer { second.stop() }
        try await blocking {
            try log(60..<80, to: tracked)
            #expect(tracked.finish(exitCode: 0) == .delivered(url: "\(second.baseURL)/lab/spd/runs/run-1"))
        }
        let run = try #require(backend.run("run-1"))
        #expect(try steps(run) == Array(0..<80))
        #expect(run.exitCodes == [0])
        if keepsItsMemory { #expect(backend.violations == []) }
    }
}
