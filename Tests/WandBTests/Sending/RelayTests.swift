import Foundation
import HTTP
import JSON
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// A relay beside agents that cannot send, beside others like it, and the budget that its runs share.
struct RelayTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func folder(_ id: String) -> SpoolFolder { SpoolFolder(path: "\(scratch.path)/\(id)/wandb") }

    private func write(_ id: String, _ rows: Range<Int>, exitCode: Int32? = nil) throws {
        var writer = try SpoolWriter(folder: try made(id), description: try .sample(id), clock: .system)
        for step in rows { try writer.log(step: step, values: [("x", .number(step))]) }
        if let exitCode { try writer.exit(code: exitCode) }
    }

    private func relay(
        _ baseURL: String, live: Bool = false, budget: RequestBudget = RequestBudget(perMinute: 100_000),
        _ change: (inout Relay.Options) -> Void = { _ in }
    ) throws -> Relay {
        let settings = try WandBSettings.pointing(at: baseURL)
        var options = Relay.Options(
            settings: settings, key: try #require(settings.apiKey), presence: scratch.path + "/relay.alive")
        options.pacing = .hasty
        options.isLive = live
        change(&options)
        return try Relay(options, budget: budget)
    }

    private func run(_ id: String, end: RelayedRun.End? = nil) -> RelayedRun {
        RelayedRun(id: id, folder: folder(id).path, end: end)
    }

    /// Lets a relay work until its progress is as wished.
    private func work(
        _ relay: Relay, _ runs: [RelayedRun], until isEnough: (RelayProgress) -> Bool
    ) throws {
        relay.take(runs)
        relay.start()
        defer { relay.stop() }
        try wait { relay.progress.hasLooked }
        #expect(relay.open(isCancelled: { false }) == nil)
        try wait { isEnough(relay.progress) }
    }

    private func wait(_ condition: () throws -> Bool) throws {
        for _ in 0..<6000 {
            if try condition() { return }
            usleep(5000)
        }
        Issue.record("what was waited for did not happen within 30 s")
    }

    @Test(arguments: [1, 7, 60, 600]) func noMinuteHoldsMoreThanTheBudgetAndNoneMuchLess(perMinute: Int) {
        let budget = RequestBudget(perMinute: perMinute)
        let start = ContinuousClock.now
        var now = start
        var times: [ContinuousClock.Instant] = []
        while now < start + .seconds(600) {
            if let later = budget.reserve(at: now) { now = later } else { times.append(now) }
        }
        for (index, time) in times.enumerated() {
            #expect(times[index...].prefix { $0 - time < .seconds(60) }.count <= perMinute)
        }
        #expect(Double(times.count) >= 9.7 * Double(perMinute))
        #expect(times.prefix { $0 == start }.count == (perMinute + 3) / 4, "a quarter goes at once")
    }

    @Test func allWaitWhenTheServerAsksOneTo() {
        let budget = RequestBudget(perMinute: 60)
        let now = ContinuousClock.now
        budget.heed(HTTPResponse(status: 429, headers: [("Retry-After", "77")], body: []), at: now)
        #expect(budget.reserve(at: now) == now + .seconds(77))
        #expect(budget.reserve(at: now + .seconds(78)) == nil)
        budget.heed(
            HTTPResponse(
                status: 200, headers: [("RateLimit-Remaining", "4"), ("RateLimit-Reset", "20")], body: []),
            at: now + .seconds(78))
        #expect(budget.reserve(at: now + .seconds(78)) == now + .seconds(83))
    }

    @Test func aRightThatWasNotUsedIsGivenBack() {
        let budget = RequestBudget(perMinute: 1)
        let now = ContinuousClock.now
        #expect(budget.reserve(at: now) == nil)
        budget.refund(now)
        #expect(budget.reserve(at: now) == nil)
        #expect(budget.reserve(at: now) != nil)
    }

    @Test func manyRunsArriveThroughAServerOfWhichEveryThirdRequestFails() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        let ids = (0..<40).map { "run-\($0)" }
        for id in ids { try write(id, 0..<20, exitCode: 0) }
        server.backend.inject { number, _ in
            switch number % 10 {
            case 2: .refuse(status: 500)
            case 5: .refuse(status: 429, retryAfter: "0")
            case 8: .failAfterTheWork(status: 502)
            default: .none
            }
        }
        try await blocking {
            try work(try relay(server.baseURL), ids.map { run($0) }) { $0.count { $0 == .sent } == 40 }
        }
        #expect(server.backend.violations == [])
        for id in ids {
            #expect(try steps(server.backend.run(id)) == Array(0..<20))
            #expect(server.backend.run(id)?.exitCodes == [0])
        }
    }

    @Test func aRunWhoseProcessDiedGetsItsEndFromTheRelay() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try write("died", 0..<5)
        try write("fresh", 0..<5)
        try await blocking {
            let runs = [
                run("died", end: .init(exitCode: 1, age: 90)), run("fresh", end: .init(exitCode: 1, age: 3)),
            ]
            try work(try relay(server.baseURL), runs) { progress in
                progress.standings["died"] == .sent && progress.standings["fresh"] == .upToDate
            }
        }
        #expect(server.backend.run("died")?.exitCodes == [1])
        #expect(server.backend.run("fresh")?.exitCodes == [])
        #expect(try steps(server.backend.run("fresh")) == Array(0..<5))
    }

    @Test func aRunThatIsNotOverIsNotSentAgainUnlessItGrows() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try write("a", 0..<5)
        let sync = { @Sendable () throws in
            try work(try relay(server.baseURL), [run("a")]) { $0.standings["a"] == .upToDate }
        }
        try await blocking { try sync() }
        let requests = server.backend.requests
        try await blocking { try sync() }
        #expect(server.backend.requests == requests + 1, "only the account")
        try write("a", 5..<7)
        try await blocking { try sync() }
        #expect(try steps(server.backend.run("a")) == Array(0..<7))
        #expect(server.backend.violations == [])
    }

    @Test func anAgentThatReachesNoServerLeavesTheFolderToTheRelayAndHearsOfTheStop() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        let silent = try HangUpServer()
        silent.stop()
        let notices = Notices()
        try await blocking {
            var pacing = SendPacing.hasty
            pacing.heartbeat = .milliseconds(50)
            let tracker = RunTracker(
                run: try .sample("a"), folder: folder("a").path, settings: try .pointing(at: silent.baseURL),
                pacing: pacing, notify: { notices.add($0) })
            tracker.log(step: 0, values: [])
            let relay = try relay(server.baseURL, live: true)
            relay.take([run("a")])
            relay.start()
            #expect(relay.open(isCancelled: { false }) == nil)
            try wait { server.backend.run("a")?.history.count == 1 }
            server.backend.pressStop("a")
            var step = 1
            try wait {
                tracker.log(step: step, values: [])
                step += 1
                return tracker.stopRequested
            }
            try wait { tracker.runURL == "\(server.baseURL)/lab/spd/runs/a" }
            _ = tracker.finish(exitCode: 255)
            relay.take([run("a", end: .init(exitCode: 255, age: 0))])
            try wait { relay.progress.standings["a"] == .sent }
            relay.stop()
            #expect(try steps(server.backend.run("a")) == Array(0..<step))
        }
        #expect(server.backend.run("a")?.exitCodes == [255])
        #expect(server.backend.violations == [])
    }

    @Test func rowsOfOtherRunsGoOnWhileAFileIsOnItsWay() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        let uploads = Notices()
        server.backend.inject { _, request in
            guard request.method == "PUT" else { return .none }
            uploads.add(request.path)
            return .slow(.seconds(8))
        }
        try await blocking {
            var first = try SpoolWriter(folder: try made("a"), description: try .sample("a"), clock: .system)
            var second = try SpoolWriter(folder: try made("b"), description: try .sample("b"), clock: .system)
            try first.log(step: 0, values: [])
            try second.log(step: 0, values: [])
            let relay = try relay(server.baseURL, live: true) { $0.lanes = 1 }
            relay.take([run("a"), run("b")])
            relay.start()
            defer { relay.stop() }
            #expect(relay.open(isCancelled: { false }) == nil)
            try wait { server.backend.run("a")?.history.count == 1 && server.backend.run("b")?.history.count == 1 }
            try first.upload(Array("{}".utf8), as: "wandb-metadata.json")
            try first.log(step: 1, values: [])
            try wait { !uploads.all.isEmpty }
            let began = ContinuousClock.now
            try second.log(step: 1, values: [])
            try wait { server.backend.run("b")?.history.count == 2 }
            #expect(ContinuousClock.now - began < .seconds(7), "the row waited for the other run's file")
        }
        #expect(server.backend.violations == [])
    }

    private func made(_ id: String) throws -> SpoolFolder {
        try folder(id).create()
        return folder(id)
    }

    // MARK: - The lock

    private func isFree(_ folder: SpoolFolder) throws -> Bool {
        let lock = try SenderLock.take(folder)
        if lock == nil { return false }
        return true
    }

    private func holder(_ host: String, presence: String?) -> SenderLock.Holder {
        SenderLock.Holder(host: host, boot: host, pid: 1, started: 1, presence: presence, token: "other")
    }

    @Test func anotherNodesLeaseHoldsUntilItIsNotRenewedForAMinute() throws {
        let folder = folder("a")
        try folder.create()
        try folder.write(holder("n17", presence: nil))
        #expect(try !isFree(folder))
        var times = [timespec](repeating: timespec(tv_sec: time(nil) - 61, tv_nsec: 0), count: 2)
        utimensat(AT_FDCWD, folder.holderPath, &times, 0)
        #expect(try isFree(folder))
    }

    @Test func anotherNodesRelayHoldsItsFoldersWhileItsOwnFileIsFresh() throws {
        let folder = folder("a")
        try folder.create()
        let presence = scratch.path + "/n17.alive"
        try folder.write(holder("n17", presence: presence))
        try Data().write(to: URL(filePath: presence))
        #expect(try !isFree(folder))
        unlink(presence)
        #expect(try isFree(folder))
    }

    @Test func aLockIsGivenBackAtOnceAndNoticedWhenItIsLost() throws {
        let folder = folder("a")
        try folder.create()
        do {
            guard var lock = try SenderLock.take(folder) else {
                Issue.record("nobody holds it")
                return
            }
            #expect(try !isFree(folder))
            let now = ContinuousClock.now
            let isStillOurs = try lock.renew(at: now + .seconds(20))
            #expect(isStillOurs)
            try folder.write(holder("n17", presence: nil))
            let isOursAfterwards = try lock.renew(at: now + .seconds(40))
            #expect(!isOursAfterwards)
        }
        #expect(try folder.holder()?.host == "n17", "what is another's stays")
    }
}
