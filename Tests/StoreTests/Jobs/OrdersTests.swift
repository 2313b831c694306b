import GRDB
import TestFiles
import Testing

@testable import Store

/// What users ask of jobs while agents are at work on them.
struct OrdersTests {
    private let folder: TemporaryFolder
    private let clock = HandClock()
    private let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(folder.cache, on: .ext4, patience: .seconds(5), now: clock.now)
    }

    private func claim(_ job: JobID, _ agent: AgentID) throws -> Claim? {
        try store.claimNext(of: job, by: agent, lease: lease)
    }

    @Test func aStateFileOfAnEarlierVersionKeepsItsRunsAndAttempts() throws {
        let old = try TemporaryFolder()
        let queue = try DatabaseQueue(path: old.cache.stateFile)
        try Schema.migrator.migrate(queue, upTo: "runs that W&B does not have")
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO job (token, created, folder, submitted_from, executor, agent_count, max_retries,
                      create_report, submission) VALUES ('t', 1, 'jobs/1', '/', 'local', 1, 1, 1, 'submitted');
                    INSERT INTO agent (job, number, state, started) VALUES (1, 1, 'ended', 2);
                    INSERT INTO spec (run, job, position, experiment, config, overrides)
                      VALUES ('aaaaaaaa', 1, 0, 'a', '{}', '[]'), ('bbbbbbbb', 1, 1, 'a', '{}', '[]');
                    INSERT INTO run (id, job, position, experiment, status, attempt, agent, step, steps, folder, error,
                        metrics, started, ended, forgiven, unsent) VALUES
                      ('aaaaaaaa', 1, 0, 'a', 'failed', 2, 1, 7, 9, 'runs/aaaaaaaa', 'no', '{"x":1}', 3, 4, 1, 1),
                      ('bbbbbbbb', 1, 1, 'a', 'pending', 0, NULL, 0, 9, 'runs/bbbbbbbb', NULL, NULL, NULL, NULL, 0, 0);
                    INSERT INTO attempt (run, number, agent, started, lease_until, ended, outcome, reason, lease, from_step)
                      VALUES ('aaaaaaaa', 1, 1, 3, 63, 3.5, 'lost', 'gone', 60, 0),
                        ('aaaaaaaa', 2, 1, 3.5, 64, 4, 'failed', 'no', 60, 5);
                    """)
        }
        try queue.close()
        let store = try Store(old.cache)
        let job = JobID(rawValue: 1)
        let runs = try store.snapshot(of: job).runs
        #expect(runs.map(\.status) == [.failed, .pending])
        #expect(runs[0].metrics == ["x": 1] && runs[0].error == "no" && runs[0].progress.step == 7)
        #expect(try store.attempts(of: job).map(\.outcome) == [.lost, .failed])
        #expect(try store.job(job).failFast == nil)
        try store.forget(job)
        #expect(try store.jobs().isEmpty)
    }

    @Test func heldJobsAndRunsAreNotBegunAndPrioritiesGoFirst() throws {
        let job = try store.addJob(5).id
        let agent = try store.addAgent(to: job)
        let runs = try store.snapshot(of: job).runs.map(\.id)
        let first = try #require(try claim(job, agent))
        #expect(first.run == runs[0])
        try store.hold([.run(runs[1]), .run(runs[0])], true)
        #expect(try store.snapshot(of: job, runsAtMost: 1).held == 2, "all are counted, whatever is shown")
        try store.prioritize([runs[3]], nil)
        try store.prioritize([runs[4]], nil)
        #expect(try claim(job, agent)?.run == runs[4])
        #expect(try claim(job, agent)?.run == runs[3])
        try store.hold([.job(job)], true)
        #expect(try claim(job, agent) == nil)
        #expect(try store.standstill(of: job) == .held)
        // What is at work goes on, and is held once it waits again.
        #expect(try store.renew([(first, nil)], by: agent, lease: lease).isEmpty)
        try store.release(first, reason: "stopped")
        try store.hold([.job(job)], false)
        #expect(try claim(job, agent)?.run == runs[2])
        #expect(try claim(job, agent) == nil)
        try store.hold([.run(runs[0])], false)
        #expect(try claim(job, agent)?.run == runs[0])
    }

    @Test func ordersAreCarriedOutAsAWholeOrNotAtAll() throws {
        let job = try store.addJob(2).id
        let agent = try store.addAgent(to: job)
        let runs = try store.snapshot(of: job).runs.map(\.id)
        try store.complete(#require(try claim(job, agent)), metrics: [:])
        #expect(throws: StoreError.settled(runs[0], .done)) { try store.hold([.run(runs[1]), .run(runs[0])], true) }
        #expect(throws: StoreError.settled(runs[0], .done)) { try store.prioritize([runs[1], runs[0]], 5) }
        #expect(throws: StoreError.self) { try store.hold([.run(runs[1]), .job(JobID(rawValue: 9))], true) }
        let run = try store.run(runs[1])
        #expect(!run.isHeld && run.priority == 0)
    }

    @Test func agentsShareTheRunsThatMayBeAtWorkAtOnce() throws {
        let job = try store.addJob(7).id  // for two agents
        #expect(try store.waitingRunsPerAgent(of: job) == 4)
        var new = NewJob.sample()
        new.maxRunning = 3
        #expect(try store.waitingRunsPerAgent(of: store.addJob(7, job: new).id) == 2)
        let agent = try store.addAgent(to: job)
        while let claim = try claim(job, agent) { try store.complete(claim, metrics: [:]) }
        #expect(try store.waitingRunsPerAgent(of: job) == 1)
    }

    @Test func configsComeInTheOrderOfTheirSpecs() throws {
        let job = try store.addJob(3)
        _ = try store.addJob(2)
        var found: [(run: RunID, config: String)] = []
        try store.forEachConfig(of: job.id) { found.append(($0, $1)) }
        #expect(found.map(\.config) == NewSpec.samples(3).map(\.config))
        #expect(try found.map(\.run) == store.snapshot(of: job.id).runs.map(\.id))
        struct Trouble: Error {}
        #expect(throws: StoreError.self) { try store.forEachConfig(of: job.id) { _, _ in throw Trouble() } }
    }

    @Test func aJobWaitsForAnotherAndTrainsSoManyRunsAtOnce() throws {
        let first = try store.addJob(1).id
        var new = NewJob.sample()
        (new.after, new.maxRunning) = (first, 2)
        let second = try store.addJob(4, job: new).id
        let (one, other) = (try store.addAgent(to: first), try store.addAgent(to: second))
        #expect(try claim(second, other) == nil)
        #expect(try store.standstill(of: second) == .waiting(for: first))
        try store.fail(#require(try claim(first, one)), error: "no", retry: false)
        let claims = [try claim(second, other), try claim(second, other)].compactMap(\.self)
        #expect(claims.count == 2)
        #expect(try claim(second, other) == nil)
        #expect(try store.standstill(of: second) == .full(2))
        try store.complete(claims[0], metrics: [:])
        #expect(try claim(second, other) != nil)
        var unknown = NewJob.sample()
        unknown.after = JobID(rawValue: 77)
        #expect(throws: StoreError.self) { try store.addJob(1, job: unknown) }
        // What was deleted keeps nobody waiting.
        try store.forget(first)
        #expect(try store.standstill(of: second) == .full(2))
    }

    @Test func aJobWhoseFirstRunsAllFailForOneCauseIsHalted() throws {
        var new = NewJob.sample()
        new.failFast = 3
        let job = try store.addJob(10, job: new).id
        let agent = try store.addAgent(to: job)
        func fail(_ reason: String) throws {
            clock.advance(by: .seconds(1))
            try store.fail(#require(try claim(job, agent)), error: reason, retry: false)
        }
        try fail("other")
        for step in 1...2 { try fail("the loss is NaN at step \(step)") }
        #expect(try store.job(job).halted == nil)
        try fail("the loss is NaN at step 3")
        #expect(try store.job(job).halted == "its first 3 runs all failed: the loss is NaN at step 1")
        #expect(try claim(job, agent) == nil)
        guard case .halt = try store.order(for: agent, of: job) else { return #expect(Bool(false)) }
        #expect(try store.lift(job) != nil)
        for step in 4...5 { try fail("the loss is NaN at step \(step)") }
        #expect(try store.job(job).halted == nil, "they count from when it was lifted")
        // With a result the failures are no longer of all.
        try store.complete(#require(try claim(job, agent)), metrics: [:])
        for step in 6...8 { try fail("the loss is NaN at step \(step)") }
        #expect(try store.job(job).halted == nil)
    }

    @Test func failuresAreTakenUpOnceAndTheFirstOfAKindIsKnown() throws {
        let job = try store.addJob(4).id
        let agent = try store.addAgent(to: job)
        let claims = try (0..<4).map { _ in try #require(try claim(job, agent)) }
        for (index, reason) in ["NaN at 1", "NaN at 2", "disk"].enumerated() {
            try store.fail(claims[index], error: reason, retry: false)
            clock.advance(by: .seconds(1))
        }
        #expect(try claims.map { try store.isFirstOfItsKind($0.run) } == [true, false, true, false])
        #expect(try store.takeUntoldFailures(of: job, pause: .seconds(60)).count == 3)
        try store.fail(claims[3], error: "late", retry: false)
        #expect(try store.takeUntoldFailures(of: job, pause: .seconds(60)).isEmpty, "within a minute")
        #expect(try store.hasUntoldFailures(of: job))
        clock.advance(by: .seconds(61))
        #expect(try store.takeUntoldFailures(of: job, pause: .seconds(60)).map(\.id) == [claims[3].run])
        #expect(try !store.hasUntoldFailures(of: job))
        try store.retry([claims[0].run], of: job)
        try store.fail(#require(try claim(job, agent)), error: "again", retry: false)
        #expect(try store.hasUntoldFailures(of: job), "a new attempt has failed anew")
    }

    @Test(arguments: [
        ("the loss is 1.646e-02 at row 3 (1.2e+00)", "the loss is 9e+10 at row 12 (0.5)", true),
        ("exit code 1", "exit code 139", true), ("n1.log is gone", "n2.log is gone", true),
        ("loss is 1.5e+00 at -3", "loss is -2.25e-01 at 4", true), ("node n-1", "node n+1", false),
        ("1.2.3 is no version", "10.2.3 is no version", true), ("NaN at 1", "inf at 1", false), ("3e", "3", false),
    ])
    func reasonsThatDifferInNumbersAreOfOneKind(a: String, b: String, isOne: Bool) {
        #expect((FailurePattern(a) == FailurePattern(b)) == isOne)
    }

    @Test func surplusAgentsLeaveAfterTheirRuns() throws {
        let job = try store.addJob(6).id
        let agents = try (1...4).map { try store.addAgent(to: job, pid: $0) }
        let held = try #require(try claim(job, agents[3]))
        #expect(try store.scale(job, to: 2, alive: agents) == Scaling(staying: 2, leaving: 2))
        #expect(try store.agents(of: job).map(\.isLeaving) == [false, true, true, false], "who holds a run stays")
        #expect(try claim(job, agents[1]) == nil)
        #expect(try store.order(for: agents[1], of: job) == .leave)
        #expect(try claim(job, agents[0]) != nil)
        // One that was on its way finds that there are enough.
        let late = try store.addAgent(to: job, pid: 9)
        #expect(try store.order(for: late, of: job) == .leave)
        for agent in [agents[1], agents[2], late] { try store.agentEnded(agent, reason: "left") }
        try store.agentEnded(agents[3], reason: "requeued")
        #expect(try store.order(for: store.addAgent(to: job, pid: 10), of: job) == .wait, "a place is free")
        #expect(try store.scale(job, to: 0, alive: agents) == Scaling(staying: 0, leaving: 1))
        try store.lift(job)
        #expect(try store.order(for: store.addAgent(to: job, pid: 11), of: job) == .wait)
        _ = try store.cancel(job)
        #expect(throws: StoreError.finished(job)) { try store.scale(job, to: 3, alive: []) }
        _ = held
    }

    @Test func agentsThatAreGoneKeepNoNewOnesOut() throws {
        let job = try store.addJob(6).id
        let dead = try (1...2).map { try store.addAgent(to: job, pid: $0) }
        _ = try #require(try claim(job, dead[0]))
        #expect(try store.scale(job, to: 2, alive: []) == Scaling(staying: 0, leaving: 0))
        for pid in 3...4 {
            #expect(try store.order(for: store.addAgent(to: job, pid: Int32(pid)), of: job) == .wait)
        }
        #expect(try store.order(for: store.addAgent(to: job, pid: 5), of: job) == .leave, "two are enough")
    }

    @Test func specsAreAddedOnceAllOrNone() throws {
        struct Trouble: Error {}
        let job = try store.addJob(2).id
        #expect(throws: Trouble.self) { try store.add(NewSpec.samples(4), to: job) { throw Trouble() } }
        #expect(try store.snapshot(of: job).runs.count == 2)
        #expect(try store.add(NewSpec.samples(4), to: job) {} == 2)
        #expect(try store.add(NewSpec.samples(4), to: job) {} == 0)
        let runs = try store.snapshot(of: job).runs
        #expect(runs.map(\.position) == [0, 1, 2, 3])
        #expect(try store.specs(of: job).map(\.config) == NewSpec.samples(4).map(\.config))
    }

    @Test func notesTagsAndNames() throws {
        let job = try store.addJob(1).id
        let run = try #require(try store.snapshot(of: job).runs.first?.id)
        var marks = Marks()
        marks.note = "it's \"odd\"; DROP TABLE run; --"
        marks.adding = ["b", "a", "b"]
        try store.mark([.run(run), .job(job)], marks)
        #expect(try store.run(run).note == marks.note && store.run(run).tags == ["a", "b"])
        marks = Marks()
        (marks.note, marks.removing) = ("", ["a"])
        try store.mark([.job(job)], marks)
        #expect(try store.job(job).note == nil && store.job(job).tags == ["b"])
        try store.rename(job, "second try")
        #expect(try store.job(job).title == "second try")
    }
}
