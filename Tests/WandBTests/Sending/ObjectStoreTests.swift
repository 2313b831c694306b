import Foundation
import HTTP
import JSON
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// A server that takes rows beside an object store that takes no files: rows and the run's end wait for nothing.
struct ObjectStoreTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func track(_ baseURL: String, exitCode: Int32 = 0, notices: Notices = Notices()) throws -> Delivery {
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.spool, settings: try .pointing(at: baseURL), pacing: .hasty,
            notify: { notices.add($0) })
        for step in 0..<40 {
            tracker.log(step: step, values: [("x", .number(step))])
            usleep(2000)
        }
        return tracker.finish(exitCode: exitCode)
    }

    enum Refusal: CaseIterable, Sendable {
        case forbidden, failing, resets, page

        var fault: StandInBackend.Fault {
            switch self {
            case .forbidden: .refuse(status: 403)
            case .failing: .refuse(status: 500)
            case .resets: .resetBeforeTheWork
            case .page: .page
            }
        }
    }

    @Test(arguments: Refusal.allCases) func rowsAndTheEndGoFirstAndTheReasonIsSaid(_ refusal: Refusal) throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { _, request in request.method == "PUT" ? refusal.fault : .none }
        let notices = Notices()
        let delivery = try track(server.baseURL, exitCode: 3, notices: notices)
        guard case .filesLeft(let url, let reason) = delivery else {
            Issue.record("it was \(delivery)")
            return
        }
        #expect(url == "\(server.baseURL)/lab/spd/runs/run-1")
        if refusal == .forbidden { #expect(reason.contains("127.0.0.1 answered 403 to the upload of ")) }
        let run = try #require(server.backend.run("run-1"))
        #expect(try steps(run) == Array(0..<40))
        #expect(run.exitCodes == [3])
        #expect(run.files.isEmpty)
        #expect(notices.all.contains { $0.hasSuffix("; rows are still sent, files wait") })
        #expect(server.backend.violations == [])
    }

    @Test func syncSaysThatFilesAreLeftAndSendsThemOnceTheStoreTakesThem() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { _, request in request.method == "PUT" ? .refuse(status: 403) : .none }
        _ = try track(server.baseURL)
        #expect(try RunPage(folder: scratch.spool)?.isComplete == false)

        let refused = try relay(server.baseURL)
        guard case .failed(let reason)? = refused else {
            Issue.record("it was \(String(describing: refused))")
            return
        }
        #expect(reason.contains("all but files is sent") && reason.contains("403"))

        server.backend.inject { _, _ in .none }
        #expect(try relay(server.baseURL) == .sent)
        #expect(try RunPage(folder: scratch.spool)?.isComplete == true)
        let run = try #require(server.backend.run("run-1"))
        #expect(Set(run.files.keys) == ["config.yaml", "wandb-metadata.json", "wandb-summary.json"])
        #expect(run.exitCodes == [0])
        #expect(server.backend.violations == [])
        let requests = server.backend.requests
        #expect(try relay(server.baseURL) == .sent)
        #expect(server.backend.requests == requests)
    }

    @Test func aRunThatGoesOnIsNotWholeWhileItsFilesAreNot() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { _, request in request.method == "PUT" ? .refuse(status: 403) : .none }
        var writer = try SpoolWriter(
            folder: SpoolFolder(path: scratch.spool), description: try .sample(), clock: .system)
        try writer.describe()
        try writer.log(step: 0, values: [])
        guard case .failed? = try relay(server.baseURL, end: nil) else {
            Issue.record("a sync must not say that everything is sent")
            return
        }
        #expect(try steps(server.backend.run("run-1")) == [0])
    }

    @Test func rowsAndSignsOfLifeGoOnWhileAFileIsOnItsWay() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { _, request in request.method == "PUT" ? .slow(.seconds(4)) : .none }
        try await blocking {
            let folder = SpoolFolder(path: scratch.spool)
            var writer = try SpoolWriter(folder: folder, description: try .sample(), clock: .system)
            try writer.upload(Array("{}".utf8), as: "wandb-metadata.json")
            try writer.log(step: 0, values: [])
            let settings = try WandBSettings.pointing(at: server.baseURL)
            let sender = RunSender(
                folder: folder.path, settings: settings, key: try #require(settings.apiKey),
                client: try HTTPClient(), pacing: .hasty)
            while server.backend.run("run-1")?.history.count != 1 { _ = sender.step(at: .now) }
            var isLater = false
            while server.backend.run("run-1")?.files.isEmpty != false || !isLater {
                _ = sender.step(at: .now) {
                    // Asked while the file is on its way.
                    if !isLater, (try? writer.log(step: 1, values: [])) != nil { isLater = true }
                    return false
                }
                if server.backend.run("run-1")?.uploaded.isEmpty == false { break }
            }
        }
        #expect(server.backend.heartbeats >= 1)
        #expect(try steps(server.backend.run("run-1")) == [0, 1])
        #expect(server.backend.violations == [])
    }

    @Test func whatAnOutageLeftIsSentByALaterAttempt() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        var pacing = SendPacing.hasty
        pacing.deadServerPatience = .milliseconds(100)
        server.backend.inject { _, _ in .refuse(status: 401) }
        let settings = try WandBSettings.pointing(at: server.baseURL)
        let tracker = RunTracker(run: try .sample(), folder: scratch.spool, settings: settings, pacing: pacing)
        for step in 0..<10 { tracker.log(step: step, values: []) }
        guard case .left = tracker.finish(exitCode: 0) else {
            Issue.record("nobody took the rows")
            return
        }
        guard case .left = Redelivery.send(scratch.spool, settings: settings, pacing: pacing) else {
            Issue.record("nobody took the rows")
            return
        }
        server.backend.inject { _, _ in .none }
        #expect(
            Redelivery.send(scratch.spool, settings: settings, pacing: pacing)
                == .delivered(url: "\(server.baseURL)/lab/spd/runs/run-1"))
        #expect(try steps(server.backend.run("run-1")) == Array(0..<10))
        #expect(server.backend.run("run-1")?.exitCodes == [0])
        #expect(server.backend.violations == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/run") == ["wandb.zip"])
    }

    /// Sends what the folder holds, as `orchestrator sync` does, until it is through with it.
    private func relay(
        _ baseURL: String, end: RelayedRun.End? = .init(exitCode: 0, age: 1000)
    ) throws -> RelayStanding? {
        let settings = try WandBSettings.pointing(at: baseURL)
        var options = Relay.Options(
            settings: settings, key: try #require(settings.apiKey), presence: scratch.path + "/relay.alive")
        options.pacing = .hasty
        let relay = try Relay(options, budget: RequestBudget(perMinute: 100_000))
        relay.take([RelayedRun(id: "run-1", folder: scratch.spool, end: end)])
        relay.start()
        defer { relay.stop() }
        var isOpen = false
        for _ in 0..<2000 {
            usleep(5000)
            switch relay.progress.standings["run-1"] {
            case .sent: return .sent
            case .upToDate: return .upToDate
            case .failed(let reason): return .failed(reason)
            default:
                guard relay.progress.hasLooked, !isOpen else { continue }
                isOpen = relay.open(isCancelled: { false }) == nil
            }
        }
        return relay.progress.standings["run-1"]
    }
}
