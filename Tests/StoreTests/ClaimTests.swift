import Testing

@testable import Store

struct ClaimTests {
    let folder: TemporaryFolder
    let clock = HandClock()
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(folder.cache, now: clock.now)
    }

    @Test func specsAreClaimedInOrderUntilNoneIsLeft() throws {
        let job = try store.addJob(3, in: folder.cache)
        let agent = try store.addAgent(to: job.id)
        let claims = try (0..<3).map { _ in
            try #require(try store.claimNext(of: job.id, by: agent, lease: lease))
        }
        #expect(claims.map(\.spec.position) == [0, 1, 2])
        #expect(claims.map(\.attempt) == [1, 1, 1])
        #expect(try store.claimNext(of: job.id, by: agent, lease: lease) == nil)
        #expect(
            try store.openWork(of: job.id)
                == OpenWork(pending: 0, running: 3, firstLeaseEnd: clock.now() + lease))
    }

    @Test func agentsClaimOnlyTheirOwnJobsSpecs() throws {
        let first = try store.addJob(1, in: folder.cache)
        let second = try store.addJob(1, in: folder.cache)
        let agent = try store.addAgent(to: second.id)
        #expect(try store.claimNext(of: second.id, by: agent, lease: lease)?.spec.job == second.id)
        #expect(try store.claimNext(of: second.id, by: agent, lease: lease) == nil)
        #expect(try store.openWork(of: first.id).pending == 1)
    }

    @Test func aCompletedRunKeepsItsMetrics() throws {
        let (job, claim) = try claimed()
        try store.report(
            Progress(step: 40, steps: 100, stepsPerSecond: 12.5, losses: ["loss/total": .nan, "b": 0.1]),
            of: claim, lease: lease)
        var run = try store.snapshot(of: job).runs[0]
        #expect(run.progress.step == 40)
        #expect(run.progress.losses["loss/total"]?.isNaN == true)
        #expect(run.progress.losses["b"] == 0.1)
        clock.advance(by: .seconds(5))
        try store.complete(claim, metrics: ["mmcs": 0.999])
        run = try store.snapshot(of: job).runs[0]
        #expect(run.status == .done)
        #expect(run.metrics == ["mmcs": 0.999])
        #expect(run.progress.step == 100)
        #expect(run.ended == clock.now())
        #expect(try store.attempts(at: claim.run).map(\.outcome) == [.done])
        #expect(try store.openWork(of: job).isNone)
    }

    @Test func aSilentAgentsSpecGoesToAnotherAndItsOwnWritesAreRefused() throws {
        let (job, old) = try claimed()
        try store.report(Progress(step: 30, steps: 100), of: old, lease: lease)
        let other = try store.addAgent(to: job, pid: 2)
        clock.advance(by: lease - .seconds(1))
        #expect(try store.claimNext(of: job, by: other, lease: lease) == nil)
        clock.advance(by: .seconds(1))
        let new = try #require(try store.claimNext(of: job, by: other, lease: lease))
        #expect(new.run == old.run)
        #expect(new.attempt == old.attempt + 1)
        #expect(new.reachedStep == 30)

        let lost = StoreError.lostLease(
            LostLease(run: old.run, attempt: 1, status: .running, currentAttempt: 2))
        #expect(throws: lost) { try store.heartbeat(old, lease: lease) }
        #expect(throws: lost) { try store.report(Progress(step: 99, steps: 100), of: old, lease: lease) }
        #expect(throws: lost) { try store.complete(old, metrics: [:]) }
        #expect(throws: lost) { try store.fail(old, error: "late", retry: true) }
        #expect(throws: lost) { try store.release(old, reason: "late") }
        #expect("\(lost)" == "attempt 1 of run \(old.run) has lost its lease: attempt 2 has taken over")

        try store.complete(new, metrics: [:])
        #expect(throws: StoreError.self) { try store.complete(old, metrics: ["mmcs": 0]) }
        let run = try store.snapshot(of: job).runs[0]
        #expect(run.status == .done)
        #expect(run.metrics.isEmpty)
        #expect(try store.attempts(at: old.run).map(\.outcome) == [.lost, .done])
    }

    @Test func aHeartbeatKeepsTheSpec() throws {
        let (job, claim) = try claimed()
        let other = try store.addAgent(to: job, pid: 2)
        for _ in 0..<5 {
            clock.advance(by: lease - .seconds(1))
            try store.heartbeat(claim, lease: lease)
        }
        #expect(try store.claimNext(of: job, by: other, lease: lease) == nil)
        #expect(try store.snapshot(of: job).agents[0].heartbeat == clock.now())
    }

    @Test func aLeaseThatRanOutUnnoticedIsRenewed() throws {
        let (_, claim) = try claimed()
        clock.advance(by: lease * 3)  // a laptop that slept
        try store.heartbeat(claim, lease: lease)
        try store.complete(claim, metrics: [:])
    }

    @Test func aReleasedSpecKeepsItsProgressForTheNextAgent() throws {
        let (job, claim) = try claimed()
        try store.report(Progress(step: 60, steps: 100), of: claim, lease: lease)
        try store.release(claim, reason: "time limit")
        let agent = try store.addAgent(to: job, pid: 2)
        let next = try #require(try store.claimNext(of: job, by: agent, lease: lease))
        #expect(next.reachedStep == 60)
        #expect(next.attempt == 2)
        #expect(try store.attempts(at: claim.run)[0].reason == "time limit")
    }

    @Test func aFailureThatMayPassIsTriedAgainAsOftenAsTheJobAllows() throws {
        let (job, first) = try claimed(maxRetries: 1)
        #expect(try store.fail(first, error: "node's disk is full", retry: true) == .pending)
        let agent = try store.addAgent(to: job, pid: 2)
        let second = try #require(try store.claimNext(of: job, by: agent, lease: lease))
        #expect(try store.fail(second, error: "node's disk is full", retry: true) == .failed)
        let run = try store.snapshot(of: job).runs[0]
        #expect(run.status == .failed)
        #expect(run.error == "node's disk is full")
    }

    @Test func aFailureOfTheConfigIsFinal() throws {
        let (job, claim) = try claimed(maxRetries: 5)
        #expect(try store.fail(claim, error: "no module matches 'linear9'", retry: false) == .failed)
        #expect(try store.openWork(of: job).isNone)
    }

    @Test func cancellingCallsOffEverythingThatIsNotSettled() throws {
        let job = try store.addJob(3, in: folder.cache)
        let agent = try store.addAgent(to: job.id)
        let done = try #require(try store.claimNext(of: job.id, by: agent, lease: lease))
        try store.complete(done, metrics: [:])
        let running = try #require(try store.claimNext(of: job.id, by: agent, lease: lease))
        #expect(try store.cancel(job.id) == 2)
        #expect(
            throws: StoreError.lostLease(
                LostLease(run: running.run, attempt: 1, status: .cancelled, currentAttempt: 1))
        ) { try store.heartbeat(running, lease: lease) }
        let counts = try store.snapshot(of: job.id).counts
        #expect(counts[.done] == 1)
        #expect(counts[.cancelled] == 2)
    }

    private func claimed(maxRetries: Int = 1) throws -> (JobID, Claim) {
        let job = try store.addJob(1, job: .sample(maxRetries: maxRetries), in: folder.cache)
        let agent = try store.addAgent(to: job.id)
        return (job.id, try #require(try store.claimNext(of: job.id, by: agent, lease: lease)))
    }
}
