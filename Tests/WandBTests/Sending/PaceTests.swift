import Foundation
import HTTP
import JSON
import Synchronization
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// When requests go out: never sooner than the server, or W&B's manners, would have it.
struct PaceTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func sender(_ baseURL: String, pacing: SendPacing) throws -> RunSender {
        let settings = try WandBSettings.pointing(at: baseURL)
        return RunSender(
            folder: scratch.spool, settings: settings, key: try #require(settings.apiKey),
            client: try HTTPClient(), pacing: pacing)
    }

    /// A run that is over, with pictures, and that nobody has sent.
    private func leaveARun(pictures: Int) throws {
        var settings = WandBSettings()
        settings.mode = .offline
        let tracker = RunTracker(run: try .sample(), folder: scratch.spool, settings: settings)
        for step in 0..<pictures {
            let path = scratch.path + "/run/table_\(step).txt"
            try Data("\(step)".utf8).write(to: URL(fileURLWithPath: path))
            tracker.upload(path, as: "table_\(step).txt")
        }
        tracker.log(step: 0, values: [("x", .number(1))])
        _ = tracker.finish(exitCode: 0)
    }

    @Test func aWaitThatTheServerAsksForBeginsWithItsReply() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        try leaveARun(pictures: 0)
        server.backend.inject { _, _ in
            usleep(300_000)
            return .refuse(status: 429, retryAfter: "5")
        }
        let began = ContinuousClock.now
        let sender = try sender(server.baseURL, pacing: .hasty)
        var next = began
        // The first step only looks at the folder.
        while server.backend.requests == 0 { next = try #require(sender.step(at: began)) }
        #expect(next - began >= .milliseconds(5300))
    }

    /// libcurl repeats what breaks on a connection that it used before; the server's other guests would suffer.
    @Test func aRequestThatBreaksIsNotRepeatedAtOnce() throws {
        let server = try HangUpServer(keepsConnections: true)
        defer { server.stop() }
        server.backend.inject { number, _ in number == 1 ? .resetAfterTheWork : .none }
        let settings = try WandBSettings.pointing(at: server.baseURL)
        let api = WandBAPI(
            settings: settings, key: try #require(settings.apiKey), client: try HTTPClient(), pacing: .hasty)
        #expect(throws: Never.self) { try api.account().get() }
        #expect(throws: CallFailure.self) { try api.account().get() }
        #expect(server.backend.requests == 2)
    }

    @Test func theEndOfARunWhoseFilesFailDoesNotFloodTheServer() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        try leaveARun(pictures: 12)
        let posts = Mutex(0)
        server.backend.inject { number, request in
            if request.path.hasSuffix("/file_stream") { posts.withLock { $0 += 1 } }
            return request.method == "PUT" && number % 2 == 0 ? .refuse(status: 500) : .none
        }
        let sender = try sender(server.baseURL, pacing: SendPacing())
        var now = ContinuousClock.now
        var times: [ContinuousClock.Instant] = []
        for _ in 0..<1000 {
            let before = posts.withLock { $0 }
            let due = sender.step(at: now)
            if posts.withLock({ $0 }) > before { times.append(now) }
            guard let due else { break }
            now = max(now, due)
        }
        #expect(sender.isFinished && server.backend.violations == [])
        #expect(server.backend.run("run-1")?.exitCodes == [0])
        // All but the last, which may follow at once.
        for (earlier, later) in zip(times, times.dropFirst().dropLast()) {
            #expect(later - earlier >= .seconds(15))
        }
        #expect(times.count >= 2, "some files were late")
    }
}
