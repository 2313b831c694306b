import Foundation
import HTTP
import JSON
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// Senders that die, and others that go on from what the server has.
struct RestartTests {
    private let scratch: TemporaryFolder
    private let folder: SpoolFolder

    init() throws {
        scratch = try TemporaryFolder()
        folder = SpoolFolder(path: scratch.spool)
        try folder.create()
    }

    private func write(_ rows: Range<Int>, exitCode: Int32? = nil) throws {
        var writer = try SpoolWriter(folder: folder, description: try .sample(), clock: .system)
        for step in rows {
            try writer.log(step: step, values: [("x", .number(step))])
            try writer.event([("cpu", .number(step))])
            try writer.console("step \(step)", isError: false)
        }
        if let exitCode { try writer.exit(code: exitCode) }
    }

    private func sender(_ server: StandInServer, pacing: SendPacing = .hasty) throws -> RunSender {
        try sender(server.baseURL, pacing: pacing)
    }

    private func sender(_ baseURL: String, pacing: SendPacing = .hasty) throws -> RunSender {
        let settings = try WandBSettings.pointing(at: baseURL)
        return RunSender(
            folder: folder.path, settings: settings, key: try #require(settings.apiKey),
            client: try HTTPClient(),
            pacing: pacing)
    }

    /// Steps until the sender has nothing to do, or until a condition holds.
    private func run(_ sender: RunSender, until isEnough: () -> Bool = { false }) throws {
        var now = ContinuousClock.now
        for _ in 0..<2000 {
            guard let due = sender.step(at: now) else { return }
            if isEnough() || sender.isDrained { return }
            now = max(now, due)
        }
        Issue.record("no end: \(sender.problem.map { "\($0)" } ?? "no problem")")
    }

    @Test func anotherSenderGoesOnWhereTheServerIs() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking {
            try write(0..<10)
            try run(try sender(server))
            try write(8..<20, exitCode: 0)
            try run(try sender(server))
        }
        try expectWhole(server.backend, rows: 20)
    }

    @Test func rowsWhoseAcknowledgementWasLostAreNotSentTwice() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        try write(0..<10)
        server.backend.inject { _, request in request.path == "/graphql" ? .none : .resetAfterTheWork }
        try run(try sender(server.baseURL)) { server.backend.run("run-1")?.history.isEmpty == false }
        #expect(try folder.sent()?.history.line == 0)
        server.backend.inject { _, _ in .none }
        try write(10..<12, exitCode: 0)
        try run(try sender(server.baseURL))
        try expectWhole(server.backend, rows: 12)
    }

    @Test func anExitWhoseAcknowledgementWasLostIsNotSentTwice() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        try write(0..<4, exitCode: 0)
        server.backend.inject { _, request in
            request.body.range(of: Data(#""complete":true"#.utf8)) == nil ? .none : .resetAfterTheWork
        }
        try run(try sender(server.baseURL)) { server.backend.run("run-1")?.state == "finished" }
        server.backend.inject { _, _ in .none }
        let second = try sender(server.baseURL)
        try run(second)
        #expect(second.isFinished)
        #expect(second.runURL?.hasSuffix("/lab/spd/runs/run-1") == true)
        try expectWhole(server.backend, rows: 4)
        #expect(server.backend.run("run-1")?.upserts == 1)
    }

    @Test func aRunWhoseFolderWasLostGoesOnAfterTheServersLastStep() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        var earlier = StandInBackend.Run(entity: "lab", project: "spd")
        earlier.history = (0..<6).map { #"{"_step":\#($0),"_timestamp":1.0,"_runtime":1.0}"# }
        earlier.events = [#"{"_wandb":true,"_timestamp":1.0,"_runtime":1.0}"#]
        server.backend.put(earlier, as: "run-1")
        try await blocking {
            // The run starts over, and makes its first rows again.
            try write(0..<10, exitCode: 0)
            try self.run(try sender(server))
        }
        #expect(server.backend.violations == [])
        let run = try #require(server.backend.run("run-1"))
        #expect(try steps(run) == Array(0..<10))
        #expect(run.history.prefix(6) == earlier.history.prefix(6))
        #expect(run.events.count == 11)
        #expect(run.exitCodes == [0])
    }

    @Test func aRunRetriedAfterItsExitIsFinishedAgain() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking {
            try write(0..<5, exitCode: 1)
            try run(try sender(server))
            #expect(server.backend.run("run-1")?.state == "failed")
            try write(0..<9)
            try run(try sender(server))
            #expect(server.backend.run("run-1")?.state == "running")
            try write(9..<11, exitCode: 0)
            try run(try sender(server))
        }
        #expect(server.backend.violations == [])
        #expect(try steps(server.backend.run("run-1")) == Array(0..<11))
        #expect(server.backend.run("run-1")?.exitCodes == [1, 0])
    }

    @Test func aFinishedFolderCostsNoRequest() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking {
            try write(0..<5, exitCode: 0)
            try run(try sender(server))
            let before = server.backend.requests
            let again = try sender(server)
            try run(again)
            #expect(again.isFinished)
            #expect(server.backend.requests == before)
        }
    }

    @Test func onlyOneSenderSendsAFolder() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking {
            try write(0..<3)
            let first = try sender(server)
            try run(first)
            let second = try sender(server)
            _ = second.step(at: .now)
            #expect(second.problem == .sentElsewhere)
            #expect(server.backend.run("run-1")?.upserts == 1)
            withExtendedLifetime(first) {}
        }
    }

    @Test func muchIsSentInRequestsOfTheAllowedSize() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        var pacing = SendPacing.hasty
        pacing.maximumBatchBytes = 1000
        let small = pacing
        try await blocking {
            try write(0..<100, exitCode: 0)
            try run(try sender(server, pacing: small))
        }
        try expectWhole(server.backend, rows: 100)
        #expect(server.backend.requests > 20)
    }

    @Test func aRequestThatIsTooLargeIsSplit() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { _, request in request.body.count > 100_000 ? .refuse(status: 413) : .none }
        try await blocking {
            try write(0..<1500, exitCode: 0)
            try run(try sender(server))
        }
        try expectWhole(server.backend, rows: 1500)
    }

    @Test func silenceIsFilledWithHeartbeats() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking {
            try write(0..<1)
            let sender = try sender(server)
            try run(sender)
            let quiet = ContinuousClock.now + .seconds(60)
            _ = sender.step(at: quiet)
            _ = sender.step(at: quiet + .milliseconds(100))
        }
        #expect(server.backend.violations == [])
        #expect(server.backend.heartbeats == 1)
    }

    @Test func requestsKeepTheirDistanceWhileTheRunTrains() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking {
            try write(0..<1)
            let sender = try sender(server, pacing: SendPacing())
            let start = ContinuousClock.now
            while server.backend.run("run-1")?.history.isEmpty != false { _ = sender.step(at: start) }
            try write(1..<2)
            let before = server.backend.requests
            let due = try #require(sender.step(at: start + .seconds(14)))
            // From the reply on, which took a moment.
            #expect(due - start >= .seconds(15))
            #expect(server.backend.requests == before)
            _ = sender.step(at: due)
            #expect(server.backend.requests == before + 1)
        }
    }

    /// Sessions of a run that die at random, senders that die at random, and 30 % of requests that fail.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func everyRowArrivesOnceHoweverSendersAndWritersDie(seed: UInt64) throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { number, _ in
            var dice = SeededGenerator(seed: seed &* 1000 &+ UInt64(number))
            switch dice.next() % 20 {
            case 0: return .refuse(status: 500)
            case 1: return .refuse(status: 429, retryAfter: "0")
            case 2: return .resetBeforeTheWork
            case 3: return .resetAfterTheWork
            case 4: return .failAfterTheWork(status: 502)
            case 5: return .refuse(status: 401)
            default: return .none
            }
        }
        var dice = SeededGenerator(seed: seed)
        var pacing = SendPacing.hasty
        pacing.maximumBatchBytes = 2000
        var step = 0
        while step < 200 {
            // A session goes back to its checkpoint, makes some rows again and some new ones.
            var writer = try SpoolWriter(folder: folder, description: try .sample(), clock: .system)
            step = max(0, step - Int(dice.next() % 7))
            let sender = try sender(server.baseURL, pacing: pacing)
            var now = ContinuousClock.now
            for _ in 0..<(5 + dice.next() % 30) {
                try writer.log(step: step, values: [("x", .number(step))])
                step += 1
                for _ in 0..<(dice.next() % 3) {
                    if let due = sender.step(at: now) { now = max(now, due) }
                }
            }
            if dice.next() % 2 == 0 {
                let file = try #require(FileHandle(forWritingAtPath: folder.path(of: .history)))
                try file.seekToEnd()
                try file.write(contentsOf: Data(#"{"_step":\#(step),"#.utf8))
                try file.close()
            }
        }
        try write(step..<step + 1, exitCode: 0)
        let last = try sender(server.baseURL, pacing: pacing)
        try run(last)
        while !last.isFinished { try run(last) }
        #expect(server.backend.violations == [])
        let whole = try #require(server.backend.run("run-1"))
        #expect(try steps(whole) == Array(0...step))
        #expect(whole.rewritten == 0)
        #expect(whole.exitCodes == [0])
    }

    private func expectWhole(_ backend: StandInBackend, rows: Int) throws {
        #expect(backend.violations == [])
        let run = try #require(backend.run("run-1"))
        #expect(try steps(run) == Array(0..<rows))
        #expect(run.rewritten == 0)
        #expect(run.exitCodes == [0])
        #expect(run.events.count >= rows)
        #expect(run.output.count >= rows)
    }
}
