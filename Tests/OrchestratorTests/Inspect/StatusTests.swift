import Foundation
import GRDB
import JSON
import Jobs
import Layout
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

struct StatusTests {
    @Test func durationsAreToldToTwoPlaces() {
        #expect(StatusText.time(.seconds(8)) == "8 s")
        #expect(StatusText.time(.seconds(250)) == "4 min 10 s")
        #expect(StatusText.time(.seconds(7500)) == "2 h 5 min")
        #expect(StatusText.time(.seconds(3600 * 76)) == "3 d 4 h")
        #expect(StatusText.time(.seconds(-3)) == "0 s")
    }

    @Test func linesAreCutToTheTerminalsWidthWithoutTheirColours() {
        #expect(Terminal.cut("abcdef", to: 10) == "abcdef")
        #expect(Terminal.cut("\u{1B}[31mabcdef\u{1B}[0m", to: 6) == "\u{1B}[31mabcdef\u{1B}[0m")
        #expect(Terminal.cut("\u{1B}[31mabcdef\u{1B}[0m", to: 3) == "\u{1B}[31mab…\u{1B}[0m")
        #expect(Terminal.cut("abc", to: 1) == "…\u{1B}[0m")
    }

    @Test func columnsAlignAndEmptyOnesAreLeftOut() {
        var table = TextTable([("A", .left), ("EMPTY", .left), ("N", .right)])
        table.add([.init("long", .red), "", "1"])
        table.add(["x", "", "1000"])
        #expect(table.lines(TerminalStyle(isColored: false)) == ["A        N", "long     1", "x     1000"])
        #expect(table.lines(TerminalStyle(isColored: true))[1] == "\u{1B}[31mlong\u{1B}[0m     1")
    }

    @Test func manyLinesComeInTheirOrder() {
        var table = TextTable([("A", .right)])
        for number in 0..<2000 { table.add([.init(String(number))]) }
        let expected = (0..<2000).map { String(repeating: " ", count: 4 - String($0).count) + String($0) }
        #expect(Array(table.lines(TerminalStyle(isColored: false)).dropFirst()) == expected)
    }

    @Test func whatFailsFirstInOrderIsTold() throws {
        let failing: @Sendable (Range<Int>) throws(Failure) -> [Int] = { (range) throws(Failure) in
            if let bad = range.first(where: { $0 % 1000 == 999 }) { throw .failed("\(bad)") }
            return Array(range)
        }
        #expect(throws: Failure.failed("999")) { try AllCores.map(0..<5000, failing) }
        #expect(try AllCores.map(0..<999, failing) == Array(0..<999))
    }

    @Test func aCharacterTakesAColumnHoweverManyBytesItHas() {
        var table = TextTable([("A", .left), ("B", .right), ("C", .left)])
        table.add(["é…", "ä", "e\u{301}"])
        table.add(["abcd", "12", ""])
        table.add(["\r\n", "x ", "y \u{301}"])
        #expect(
            table.lines(TerminalStyle(isColored: false)) == [
                "A      B  C", "é…     ä  e\u{301}", "abcd  12", "\r\n     x   y \u{301}",
            ])
    }

    /// Runs of one job with two settings that vary, the first at work.
    private static func table(_ experiments: [String] = ["tms_5-2", "tms_5-2"]) throws -> (RunsTable, JobSnapshot) {
        let bench = try Workbench()
        let store = try Store(CacheFolder(path: bench.cache))
        let specs = experiments.enumerated().map { number, name in
            NewSpec(
                experiment: name, config: "{}",
                overrides: #"[["seed","\#(number)"],["importance_minimality_coeff","0.00\#(number + 1)"]]"#,
                target: nil,
                steps: 20_000)
        }
        let job = try store.insertJob(
            NewJob(token: "t", submittedFrom: "/", executor: .local, agentCount: 1), specs: specs
        ) { _ in }.id
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: job)
        let claim = try #require(try store.claimNext(of: job, by: agent, lease: .seconds(60)))
        let progress = Progress(step: 12_345, steps: 20_000, stepsPerSecond: 73, losses: ["loss/total": 0.25])
        try store.renew(claim, progress, lease: .seconds(60))
        let snapshot = try store.snapshot(of: job)
        var settings: [RunID: Overrides] = [:]
        for run in snapshot.runs { settings[run.id] = try Overrides(json: run.overrides) }
        return (RunsTable(snapshot.runs, settings: settings, common: nil, results: [], atRest: []), snapshot)
    }

    @Test(arguments: [80, 70, 62])
    func whatOneWatchesForIsNeverCutOff(columns: Int) throws {
        let lines = try Self.table().0.lines(.cut(columns), TerminalStyle(isColored: false))
        #expect(lines.allSatisfy { $0.count <= columns })
        for word in ["running", "12345/20000", "1 min 45 s", "2.500e-01"] { #expect(lines[1].contains(word)) }
        if columns == 80 { #expect(lines[1].contains("seed=0 imp…coeff=0.0"), "\(lines[1])") }
    }

    @Test(arguments: [44, 40, 35, 33]) func aNumberIsShownAsAWholeOrNotAtAll(columns: Int) throws {
        let (table, snapshot) = try Self.table()
        let lines = table.lines(.cut(columns), TerminalStyle(isColored: false))
        #expect(lines.allSatisfy { $0.count <= columns }, "\(lines)")
        for word in ["12345/20000", "2.500e-01"] { #expect(lines[1].contains(word)) }
        #expect(lines[1].contains("running") == (columns >= 42), "\(lines[1])")
        let text = StatusText(
            snapshot: snapshot, outlook: .init(verdicts: [.working]), style: TerminalStyle(isColored: false))
        let headline = text.headline(in: columns)
        #expect(headline.hasPrefix("Job 1: 0/2 done, ") && headline.hasSuffix(" left") && headline.count <= columns)
    }

    @Test func settingsComeLastAndInFullWhereThereIsRoom() throws {
        let (table, _) = try Self.table()
        let lines = table.lines(.unlimited, TerminalStyle(isColored: false))
        #expect(lines[0].hasPrefix("RUN       STATE"))
        #expect(lines[1].hasSuffix("tms_5-2     seed=0 importance_minimality_coeff=0.001"))
        #expect(table.lines(.cut(200), TerminalStyle(isColored: false)) == lines)
        #expect(lines == table.lines(.wrapping(60), TerminalStyle(isColored: false)))
        // The numbers are within sixty columns, whatever wraps.
        #expect(lines[1].prefix(60).contains("2.500e-01"))
    }

    @Test func aLongHeadlineLosesItsNameBeforeItsTimeLeft() throws {
        let snapshot = try Self.table().1
        let text = StatusText(
            snapshot: snapshot, outlook: .init(verdicts: [.working]), style: TerminalStyle(isColored: false))
        #expect(text.headline(in: 200) == text.headline)
        #expect(text.headline(in: 65).hasPrefix("Job 1: 0 of 2 done, 1 running, 1 pending, about "))
        #expect(text.headline(in: 65).hasSuffix(" left"))
    }

    @Test func endedAgentsOfALargeJobAreSummedUp() throws {
        let bench = try Workbench()
        let store = try Store(CacheFolder(path: bench.cache))
        let job = try Self.job(in: store, bench)
        for number in 0..<20 {
            let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: job)
            if number > 0 {
                try store.agentEnded(agent, reason: number < 4 ? "stopped by a signal" : "no spec is left")
            }
        }
        let snapshot = try store.snapshot(of: job)
        let text = StatusText(
            snapshot: snapshot,
            outlook: .init(verdicts: snapshot.agents.map { $0.state == .ended ? .ended : .working }),
            style: TerminalStyle(isColored: false))
        // The titles, the one that has not started, the one at work.
        #expect(text.agents.count == 4)
        #expect(text.agents.last == "19 agents ended (16: no spec is left; 3: stopped by a signal)")
    }

    @Test func theTimeLeftFollowsFromTheSpeedsOfTheSameExperiment() async throws {
        let bench = try Workbench()
        let store = try Store(CacheFolder(path: bench.cache))
        let specs = (0..<4).map { _ in
            NewSpec(experiment: "a", config: "{}", overrides: "[]", target: nil, steps: 100)
        }
        let job = try store.insertJob(
            NewJob(token: "t", submittedFrom: "/", executor: .local, agentCount: 2), specs: specs
        ) { _ in }.id
        #expect(Forecast(try store.snapshot(of: job)).remaining == nil)
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: job)
        for _ in 0..<2 {
            let claim = try #require(try store.claimNext(of: job, by: agent, lease: .seconds(60)))
            try store.renew(claim, Progress(step: 50, steps: 100, stepsPerSecond: 10), lease: .seconds(60))
        }
        // Two runs with 50 steps left and two with 100, in two hands, at 10 steps a second.
        #expect(Forecast(try store.snapshot(of: job)).remaining == .seconds(15))
        #expect(try store.snapshot(of: job).runs[0].remaining == .seconds(5))
    }

    @Test func aDoneRunsLossIsThatOfItsFinalMetrics() throws {
        let bench = try Workbench()
        let store = try Store(CacheFolder(path: bench.cache))
        let job = try Self.job(in: store, bench)
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: job)
        let claim = try #require(try store.claimNext(of: job, by: agent, lease: .seconds(60)))
        let late = Progress(step: 90, steps: 100, stepsPerSecond: 10, losses: ["loss/total": 0.25])
        try store.renew(claim, late, lease: .seconds(60))
        func loss() throws -> String {
            let snapshot = try store.snapshot(of: job)
            let text = StatusText(
                snapshot: snapshot, outlook: .init(verdicts: [.working]), style: TerminalStyle(isColored: false))
            return try text.runs()[1]
        }
        #expect(try loss().contains("2.500e-01"))
        try store.complete(claim, metrics: ["loss/total": 0.125])
        #expect(try loss().contains("1.250e-01"))
    }

    /// A job of which an agent has half of one run behind it.
    private static func runHalfDone() throws -> (bench: Workbench, store: Store, job: JobID, claim: Claim) {
        let bench = try Workbench()
        let store = try Store(CacheFolder(path: bench.cache))
        let job = try Self.job(in: store, bench)
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: job)
        let claim = try #require(try store.claimNext(of: job, by: agent, lease: .seconds(60)))
        try store.renew(claim, Progress(step: 50, steps: 100, stepsPerSecond: 10), lease: .seconds(60))
        return (bench, store, job, claim)
    }

    @Test func aJobThatNobodyWorksOnSaysSoInsteadOfATimeLeft() throws {
        let (bench, store, job, _) = try Self.runHalfDone()
        defer { withExtendedLifetime(bench) {} }
        let snapshot = try store.snapshot(of: job)
        var outlook = AgentsWatch.Outlook(verdicts: snapshot.agents.map { _ in .ended })
        func text() throws -> String {
            try StatusText(snapshot: snapshot, outlook: outlook, style: TerminalStyle(isColored: false)).lines()
                .joined(separator: "\n")
        }
        #expect(try text().contains("about 5 s left"))
        outlook.reasonOfEnd = "every agent's process has ended"
        let stalled = try text()
        #expect(!stalled.contains("about 5 s left"))
        #expect(
            stalled.contains(
                "No agent works on it any more (every agent's process has ended); `orchestrator resume 1` starts some"))
        let report =
            try JSONSerialization.jsonObject(
                with: Data(try JSONText.encode(try JobReport(snapshot, outlook)).utf8)) as? [String: Any]
        #expect(report?["stalled"] as? String == "every agent's process has ended")
        #expect(report?["eta_seconds"] == nil)
    }

    @Test func whereItCannotBeReadWhatKeepsRunsWaitingThatIsSaid() throws {
        let (bench, store, job, _) = try Self.runHalfDone()
        let snapshot = try store.snapshot(of: job)
        try DatabaseQueue(path: bench.cache + "/state.sqlite").write { db in
            try db.execute(sql: "ALTER TABLE attempt RENAME COLUMN outcome TO lost")
        }
        let notes = StandstillNotes(of: snapshot, in: store)
        #expect(notes.hindrances.count == 1 && notes.lines == notes.hindrances)
        #expect(notes.hindrances.first?.hasPrefix("What may keep runs waiting cannot be read: ") == true)
    }

    @Test func whereAJobCannotBeLookedAtListTellsIt() async throws {
        let (bench, _, _, _) = try Self.runHalfDone()
        try await DatabaseQueue(path: bench.cache + "/state.sqlite").write { db in
            try db.execute(sql: "ALTER TABLE attempt RENAME COLUMN outcome TO lost")
        }
        let list = try await bench.orchestrator(["list"])
        #expect(list.code == 1 && list.error.hasPrefix("orchestrator: job 1 cannot be examined: "), "\(list.error)")
        #expect(list.output.contains("cannot be examined: "), "\(list.output)")
        let json = try await bench.orchestrator(["list", "--json"])
        #expect(json.code == 1 && json.output.contains("\"total\" : 1"), "\(json.output)")
    }

    @Test func whatARunWaitsForBeforeItBeginsIsTold() async throws {
        let (bench, store, job, claim) = try Self.runHalfDone()
        try store.note(waitingFor: "the run needs 5.4 GB of memory", claim)
        let line = "\(claim.run) waits: the run needs 5.4 GB of memory"
        #expect(try await bench.orchestrator(["status", "1"]).output.contains("\n\(line)\n"))
        #expect(try await bench.orchestrator(["list"]).output.contains(line))
        #expect(
            try await bench.orchestrator(["why", "1"]).output
                .contains("Waiting\n  1 run (\(claim.run)): the run needs 5.4 GB of memory\n"))
        try store.note(waitingFor: nil, claim)
        #expect(try store.hindrances(of: job).isEmpty)
        try store.note(waitingFor: "memory", claim)
        try store.settle(claim, as: .failed("other", retry: true))
        #expect(try store.hindrances(of: job).isEmpty, "the attempt is over")
    }

    @Test func anObstacleOfAllRunsHasEveryAgentAtRest() throws {
        let (bench, store, job, _) = try Self.runHalfDone()
        defer { withExtendedLifetime(bench) {} }
        let snapshot = try store.snapshot(of: job)
        var outlook = AgentsWatch.Outlook(verdicts: snapshot.agents.map { _ in .working })
        #expect(outlook.agentsAtRest(of: snapshot).isEmpty)
        outlook.isHindered = true
        #expect(outlook.agentsAtRest(of: snapshot) == Set(snapshot.agents.map { $0.id as AgentID? }))
    }

    @Test func whatKeepsRunsWaitingIsToldInsteadOfATimeLeft() async throws {
        let (bench, store, _, claim) = try Self.runHalfDone()
        try store.settle(claim, as: .hindered("cannot write /c/x: No space left on device"))
        let reason = "cannot write /c/x: No space left on device"
        let line = "\(claim.run) waits: \(reason)"
        let status = try await bench.orchestrator(["status", "1"])
        #expect(status.output.contains("\n\(line)\n") && !status.output.contains("left\n"), "\(status.output)")
        #expect(try await bench.orchestrator(["list"]).output.contains("1 pending  \(line)\n"))
        #expect(
            try await bench.orchestrator(["why", "1"]).output
                == "Job 1: nothing has failed\n\nWaiting\n  1 run (\(claim.run)): \(reason)\n")
        let report =
            try JSONSerialization.jsonObject(
                with: Data(try await bench.orchestrator(["status", "1", "--json"]).output.utf8)) as? [String: Any]
        let told = try #require((report?["jobs"] as? [[String: Any]])?.first)
        #expect(told["notes"] as? [String] == [line] && told["eta_seconds"] == nil)
    }

    /// A job of one spec with 100 steps.
    private static func job(in store: Store, _ bench: Workbench) throws -> JobID {
        try store.insertJob(
            NewJob(token: "t", submittedFrom: "/", executor: .local, agentCount: 1),
            specs: [NewSpec(experiment: "a", config: "{}", overrides: "[]", target: nil, steps: 100)]
        ) { _ in }.id
    }

    @Test func programsReadTheStateAsJSON() async throws {
        let bench = try Workbench()
        _ = try await bench.orchestrator(["submit", "--experiments", "tms_5-2", "--watch"])
        let answer = try await bench.orchestrator(["status", "1", "--json"])
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
        #expect(Set(object.keys) == ["cache", "jobs"])
        let job = try #require((object["jobs"] as? [[String: Any]])?.first)
        #expect(
            Set(job.keys) == [
                "agents", "agents_requested", "counts", "created", "executor", "folder", "id", "links", "tags", "notes",
                "runs",
                "submission", "token", "unsent",
            ])
        let run = try #require((job["runs"] as? [[String: Any]])?.first)
        #expect(
            Set(run.keys) == [
                "agent", "attempt", "ended", "experiment", "folder", "held", "losses", "metrics", "overrides",
                "position", "priority", "run", "started", "status", "step", "steps", "steps_per_second", "tags",
            ])
        #expect((run["losses"] as? [String: Double])?["loss/total"] == 0.25)
        let list = try await bench.orchestrator(["status", "--json"])
        #expect(list.output.contains(#""total" : 1"#))
        #expect(!list.output.contains(#""runs""#))
    }

    @Test func coloursAreForTerminalsOnly() async throws {
        let bench = try Workbench()
        let answer = try await bench.orchestrator(["submit", "--experiments", "tms_5-2", "--watch"])
        #expect(!answer.output.contains("\u{1B}"))
        #expect(try await !bench.orchestrator(["status"]).output.contains("\u{1B}"))
    }
}
