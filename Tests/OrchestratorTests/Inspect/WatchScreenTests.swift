import Foundation
import Jobs
import Store
import Testing

@testable import Orchestration

struct WatchScreenTests {
    private func text(_ count: Int) throws -> StatusText {
        let cache = CacheFolder(path: NSTemporaryDirectory() + "/spd-watch-" + UUID().uuidString.prefix(8))
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        let store = try Store(cache)
        let job = try store.insertJob(
            NewJob(token: "t", submittedFrom: "/", executor: .local, agentCount: 1),
            specs: (0..<count).map { index in
                NewSpec(
                    experiment: "a", config: "{}", overrides: "[[\"seed\",\"\(index)\"]]", target: nil,
                    steps: 100 + index)
            }
        ) { _ in }.id
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: job)
        for loss in [3.0, 1.0, 2.0].prefix(count) {
            let claim = try #require(try store.claimNext(of: job, by: agent, lease: .seconds(600)))
            try store.complete(claim, metrics: ["loss/total": loss])
        }
        let snapshot = try store.snapshot(of: job)
        return StatusText(
            snapshot: snapshot, outlook: AgentsWatch.Outlook(verdicts: snapshot.agents.map { _ in .working }),
            style: TerminalStyle(isColored: false))
    }

    private func seeds(_ lines: [String]) -> [String] {
        lines.compactMap { $0.firstMatch(of: /seed=(\d+)/).map { String($0.1) } }
    }

    @Test func runsScrollWithinTheWindow() throws {
        let text = try text(40)
        var screen = WatchScreen()
        let first = try screen.lines(text, rows: 20, columns: 100)
        #expect(first.count == 20)
        #expect(seeds(first).first == "0")
        #expect(first.last?.contains("of 40") == true)
        for key in WatchScreen.keys(in: Array("j\u{1B}[B".utf8)) { screen.take(key) }
        #expect(seeds(try screen.lines(text, rows: 20, columns: 100)).first == "2")
        screen.take(.bottom)
        #expect(seeds(try screen.lines(text, rows: 20, columns: 100)).last == "39")
        screen.take(.pageUp)
        #expect(seeds(try screen.lines(text, rows: 20, columns: 100)).last != "39")
        screen.take(.top)
        screen.take(.up)
        #expect(seeds(try screen.lines(text, rows: 20, columns: 100)).first == "0")
        // However small the window gets, nothing is wider or taller.
        for (rows, columns) in [(1, 1), (3, 10), (8, 200), (200, 20)] {
            let lines = try screen.lines(text, rows: rows, columns: columns)
            #expect(lines.count <= rows && lines.allSatisfy { $0.replacing("\u{1B}[0m", with: "").count <= columns })
        }
    }

    @Test func runsAreSortedAndTurned() throws {
        let text = try text(3)
        var screen = WatchScreen()
        for _ in 0..<3 { screen.take(.sort) }
        #expect(screen.order == .loss)
        #expect(seeds(try screen.lines(text, rows: 30, columns: 100)) == ["1", "2", "0"])
        screen.take(.turn)
        #expect(seeds(try screen.lines(text, rows: 30, columns: 100)) == ["0", "2", "1"])
    }

    @Test func keysAreReadFromWhatTerminalsSend() {
        #expect(
            WatchScreen.keys(in: Array("\u{1B}[A\u{1B}OB\u{1B}[5~\u{1B}[15~x\u{1B}[1;5Cs q".utf8)) == [
                .up, .down, .pageUp, .sort, .pageDown, .quit,
            ])
    }
}
