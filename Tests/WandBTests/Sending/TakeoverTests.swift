import Foundation
import JSON
import Synchronization
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// Two attempts at one run: the earlier one writes and sends nothing any more.
struct TakeoverTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func tracker(
        _ baseURL: String, isHeld: @escaping @Sendable () -> Bool = { true }, notices: Notices = Notices()
    ) throws -> RunTracker {
        RunTracker(
            run: try .sample(), folder: scratch.spool, settings: try .pointing(at: baseURL), pacing: .hasty,
            isHeld: isHeld, notify: { notices.add($0) })
    }

    private func spooled(_ name: String) throws -> [String] {
        try scratch.spooled(name).split(separator: "\n").map(String.init)
    }

    @Test func anAttemptWhoseFolderWasOpenedByAnotherKeepsAndSendsNothingMore() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking {
            let notices = Notices()
            let paused = try tracker(server.baseURL, notices: notices)
            for step in 0..<5 { paused.log(step: step, values: [("x", .number(step))]) }
            let successor = try tracker(server.baseURL)
            for step in 3..<8 { successor.log(step: step, values: [("x", .number(step))]) }

            // It wakes up, knows nothing, and goes on.
            for step in 5..<100 { paused.log(step: step, values: [("x", .number(-step))]) }
            paused.console("I am still here")
            paused.upload("somewhere", as: "somewhere")
            let delivery = paused.finish(exitCode: 1)

            if case .delivered = delivery { Issue.record("it delivered \(delivery)") }
            #expect(notices.all.filter { $0.contains("another attempt") }.count == 1)
            for step in 8..<10 { successor.log(step: step, values: [("x", .number(step))]) }
            #expect(
                successor.finish(exitCode: 0) == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
        }
        let run = try #require(server.backend.run("run-1"))
        #expect(server.backend.violations == [])
        #expect(try steps(run) == Array(0..<10))
        #expect(run.exitCodes == [0])
        #expect(run.output == [])
        #expect(try spooled("wandb-history.jsonl").count == 10)
    }

    @Test func anAttemptThatLostItsLeaseWritesNothingEvenBeforeAnotherBegins() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking {
            let lease = Lease()
            let tracker = try tracker(server.baseURL, isHeld: { lease.holds })
            for step in 0..<5 { tracker.log(step: step, values: []) }
            while server.backend.run("run-1")?.history.count != 5 { usleep(1000) }
            lease.lose()
            let before = server.backend.requests

            for step in 5..<50 { tracker.log(step: step, values: []) }
            tracker.console("gone")
            _ = tracker.suspend()

            #expect(server.backend.requests <= before + 1, "one request may have been on its way")
        }
        #expect(try spooled("wandb-history.jsonl").count == 5)
        #expect(try spooled("output.log") == [])
        #expect(server.backend.run("run-1")?.exitCodes == [])
        #expect(!FileManager.default.fileExists(atPath: scratch.spool + "/exit.json"))
    }
}

private final class Lease: Sendable {
    private let state = Atomic(true)
    var holds: Bool { state.load(ordering: .relaxed) }
    func lose() { state.store(false, ordering: .relaxed) }
}
