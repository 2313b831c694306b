import Foundation
import TestFiles
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
        let job = try store.addJob(3)
        let agent = try store.addAgent(to: job.id)
        let claims = try (0..<3).map { _ in
            try #require(try store.claimNext(of: job.id, by: agent, lease: lease))
        }
        #expect(claims.map(\.spec.position) == [0, 1, 2])
        #expect(claims.map(\.attempt) == [1, 1, 1])
        #expect(try store.claimNext(of: job.id, by: agent, lease: lease) == nil)
        #expect(try store.openWork(of: job.id) == OpenWork(pending: 0, running: 3))
    }

    @Test func agentsClaimOnlyTheirOwnJobsSpecs() throws {
        let first = try store.addJob(1)
        let second = try store.addJob(1)
        let agent = try store.addAgent(to: second.id)
        #expect(try store.claimNext(of: second.id, by: agent, lease: lease)?.spec.job == second.id)
        #expect(try store.claimNext(of: second.id, by: agent, lease: lease) == nil)
        #expect(try store.openWork(of: first.id).pending == 1)
    }

    @Test func aCompletedRunKeepsItsMetrics() throws {
        let (job, claim) = try claimed()
        try store.renew(
            claim, Progress(step: 40, steps: 100, stepsPerSecond: 12.5, losses: ["loss/total": .nan, "b": 0.1]),
            lease: lease)
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
        try store.renew(old, Progress(step: 30, steps: 100), lease: lease)
        let other = try store.addAgent(to: job, pid: 2)
        #expect(try store.claimNext(of: job, by: other, lease: lease) == nil)
        let hold = try #require(try store.holds(of: job).first)
        let new = try #require(try store.takeOver(hold, by: other, lease: lease))
        #expect(try store.takeOver(hold, by: other, lease: lease) == nil, "once only")
        #expect(new.run == old.run)
        #expect(new.attempt == old.attempt + 1)
        #expect(new.reachedStep == 30)

        let lost = StoreError.lostLease(
            LostLease(run: old.run, attempt: 1, status: .running, currentAttempt: 2))
        #expect(throws: lost) { try store.renew(old, lease: lease) }
        #expect(throws: lost) { try store.renew(old, Progress(step: 99, steps: 100), lease: lease) }
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
        let hold = try #require(try store.holds(of: job).first)
        clock.advance(by: lease - .seconds(1))
        try store.renew(claim, lease: lease)
        #expect(try store.takeOver(hold, by: other, lease: lease) == nil, "it was renewed since it was seen")
        #expect(try store.snapshot(of: job).agents[0].heartbeat == clock.now())
    }

    @Test func silenceIsWhatOneObserverHasSeenForALease() throws {
        let (job, claim) = try claimed()
        var watch = LeaseWatch()
        let start = ContinuousClock.now
        // Looks from one moment to another; leases are a minute.
        func silent(from first: Double, to last: Double) throws -> [RunID] {
            try stride(from: first, through: last, by: 10).flatMap {
                watch.silent(among: try store.holds(of: job), at: start + .seconds($0)).map(\.run)
            }
        }
        // Another node's clock, or one that jumps, says nothing.
        clock.advance(by: .seconds(36_000))
        #expect(try silent(from: 0, to: 50).isEmpty)
        clock.advance(by: .seconds(-72_000))
        try store.renew(claim, lease: lease)
        #expect(try silent(from: 60, to: 110).isEmpty)
        #expect(try silent(from: 120, to: 120) == [claim.run])
    }

    @Test func anObserverThatWasHeldUpItselfBeginsAnew() throws {
        let (job, claim) = try claimed()
        var watch = LeaseWatch()
        let start = ContinuousClock.now
        func look(at second: Int) throws -> [RunID] {
            watch.silent(among: try store.holds(of: job), at: start + .seconds(second)).map(\.run)
        }
        // It looks, sleeps for an hour as the whole laptop does, and wakes up before the agent that it watches.
        #expect(try look(at: 0).isEmpty)
        #expect(try look(at: 3600).isEmpty)
        for second in [3620, 3640] { #expect(try look(at: second).isEmpty) }
        #expect(try look(at: 3660) == [claim.run])
    }

    @Test func whoHadToWaitForTheStateFileTakesNothingOver() async throws {
        let lease = Duration.milliseconds(200)
        let job = try store.addJob(1).id
        let claim = try #require(try store.claimNext(of: job, by: store.addAgent(to: job), lease: lease))
        let hold = try #require(try store.holds(of: job).first)
        let thief = try Store(folder.cache, now: clock.now)
        let agent = try thief.addAgent(to: job, pid: 2)
        let isAsking = DispatchSemaphore(value: 0)
        let taken = try await withThrowingTaskGroup(of: Claim?.self) { group in
            try store.write { _ in
                group.addTask {
                    isAsking.signal()
                    return try thief.takeOver(hold, by: agent, lease: lease)
                }
                isAsking.wait()
                Thread.sleep(forTimeInterval: 0.5)
            }
            return try await group.next() ?? nil
        }
        #expect(taken == nil)
        try store.renew(claim, lease: lease)
    }

    @Test func oneTransactionRenewsAllClaimsOfAnAgentAndNamesTheLostOnes() throws {
        let job = try store.addJob(3).id
        let agent = try store.addAgent(to: job)
        let claims = try (0..<3).map { _ in try #require(try store.claimNext(of: job, by: agent, lease: lease)) }
        #expect(try store.cancel(claims[1].run))
        clock.advance(by: .seconds(30))
        let progress = Progress(step: 7, steps: 100, stepsPerSecond: 2)
        let lost = try store.renew(claims.map { ($0, $0 == claims[0] ? progress : nil) }, by: agent, lease: lease)
        #expect(lost == [LostLease(run: claims[1].run, attempt: 1, status: .cancelled, currentAttempt: 1)])
        #expect(try store.run(claims[0].run).progress == progress)
        #expect(try store.holds(of: job).map(\.renewal) == [clock.now() + lease, clock.now() + lease])
    }

    @Test func aRunThatTakesAgentsWithItIsSetAside() throws {
        let (job, first) = try claimed()
        try store.renew(first, Progress(step: 30, steps: 100), lease: lease)
        var agents = 0
        func takeOver() throws -> Claim? {
            agents += 1
            let hold = try #require(try store.holds(of: job).first)
            return try store.takeOver(hold, by: try store.addAgent(to: job, pid: Int32(agents)), lease: lease)
        }
        // The first one had got somewhere, so it doesn't count.
        let second = try #require(try takeOver())
        #expect(second.reachedStep == 30)
        #expect(try takeOver() != nil)
        #expect(try takeOver() != nil)
        #expect(try takeOver() == nil)
        let run = try store.run(first.run)
        #expect(run.status == .failed)
        #expect(
            run.error == "set aside: it has taken 3 agents with it at step 30 (1.2 on n1, 1.3 on n1, 1.4 on n1)")
        #expect(try store.retry(job, [.failed]) == 1)
        let agent = try store.addAgent(to: job, pid: 9)
        #expect(try store.claimNext(of: job, by: agent, lease: lease)?.attempt == 5)
        #expect(try takeOver() != nil, "a retry forgives what was before")
    }

    @Test func whatADeadAgentHeldWaitsAgainAtOnce() throws {
        let (job, claim) = try claimed()
        #expect(try store.buryAgent(claim.agent, reason: "its process is gone") == 1)
        #expect(try store.openWork(of: job) == OpenWork(pending: 1, running: 0))
        #expect(throws: StoreError.self) { try store.complete(claim, metrics: [:]) }
        let agent = try #require(try store.agents(of: job).first)
        #expect(agent.state == .ended)
        #expect(agent.reason == "its process is gone")
        #expect(try store.attempts(at: claim.run).map(\.outcome) == [.lost])
    }

    @Test func anAgentThatIsMarkedEndedFinishesWhatItHoldsAndClaimsNothingNew() throws {
        let job = try store.addJob(3).id
        let place = SlurmPlace(environment: ["SLURM_JOB_ID": "35"])
        let first = try store.registerAgent(AgentIdentity(host: "n2", pid: 1, slurm: place), for: job)
        let held = try #require(try store.claimNext(of: job, by: first, lease: lease))
        let second = try store.registerAgent(AgentIdentity(host: "n3", pid: 1, slurm: place), for: job)
        let refusal = StoreError.agentEnded(first, reason: "SLURM has started its job again")
        #expect(throws: refusal) { try store.claimNext(of: job, by: first, lease: lease) }
        let other = try #require(try store.claimNext(of: job, by: second, lease: lease))
        let hold = try #require(try store.holds(of: job).first { $0.run == other.run })
        #expect(throws: refusal) { try store.takeOver(hold, by: first, lease: lease) }
        try store.complete(held, metrics: [:])
        #expect(try store.endOfAgent(first) == "SLURM has started its job again")
        #expect(try store.endOfAgent(second) == nil)
    }

    @Test func whatWasInterruptedComesFirstAndWhatTookAnAgentWithItLast() throws {
        let job = try store.addJob(5).id
        func claim() throws -> Claim {
            let agent = try store.addAgent(to: job)
            return try #require(try store.claimNext(of: job, by: agent, lease: lease))
        }
        for number in 1...2 {
            // One agent may die of anything.
            let lethal = try claim()
            #expect(lethal.spec.position == 0 && lethal.attempt == number)
            #expect(try store.holds(of: job).map(\.comesFirst) == [number == 1])
            _ = try store.buryAgent(lethal.agent, reason: "gone")
        }
        #expect(try claim().spec.position == 1, "it may take the next one with it too")
        let interrupted = try claim()
        #expect(interrupted.spec.position == 2)
        try store.renew(interrupted, Progress(step: 50, steps: 100), lease: lease)
        #expect(try #require(try store.holds(of: job).last).comesFirst)
        _ = try store.buryAgent(interrupted.agent, reason: "gone")
        #expect(try store.nextSpec(of: job)?.position == 2)
        #expect(try claim().spec.position == 2)
        let released = try claim()
        #expect(released.spec.position == 3)
        try store.release(released, reason: "time limit")
        #expect(try claim().spec.position == 3)
        #expect(try claim().spec.position == 4)
        #expect(try claim().spec.position == 0)
        #expect(try store.agents(of: job).count(where: \.isLost) == 3)
    }

    @Test func aLostAgentIsReplacedOnceAndOnlySoMany() throws {
        let job = try store.addJob(3).id
        let agents = try (0..<3).map { _ in try store.addAgent(to: job) }
        #expect(try !store.noteReplacement(of: agents[0], atMost: 2), "it is not lost")
        for agent in agents { _ = try store.buryAgent(agent, reason: "35 FAILED") }
        #expect(try store.noteReplacement(of: agents[0], atMost: 2))
        #expect(try !store.noteReplacement(of: agents[0], atMost: 2))
        #expect(try store.noteReplacement(of: agents[1], atMost: 2))
        #expect(try !store.noteReplacement(of: agents[2], atMost: 2))
        try store.noteNoReplacement(of: agents[0])
        #expect(try store.agents(of: job).map(\.isReplaced) == [false, true, false])
    }

    @Test func whatSlurmSaidOfEndsIsKept() throws {
        let job = try store.addJob(1).id
        func ending(_ state: String) -> SlurmEnding {
            SlurmEnding(name: "16_2", number: 18, arrayJob: 16, state: state, reason: "None", nodes: "n1")
        }
        try store.note([ending("PREEMPTED")], of: job)
        try store.note([ending("FAILED")], of: job)
        try store.note([ending("FAILED")], of: JobID(rawValue: 99))
        #expect(try store.snapshot(of: job).endings == [ending("FAILED")])
    }

    @Test func aLeaseThatRanOutUnnoticedIsRenewed() throws {
        let (_, claim) = try claimed()
        clock.advance(by: lease * 3)  // a laptop that slept
        try store.renew(claim, lease: lease)
        try store.complete(claim, metrics: [:])
    }

    @Test func aReleasedSpecKeepsItsProgressForTheNextAgent() throws {
        let (job, claim) = try claimed()
        try store.renew(claim, Progress(step: 60, steps: 100), lease: lease)
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
        let job = try store.addJob(3)
        let agent = try store.addAgent(to: job.id)
        let done = try #require(try store.claimNext(of: job.id, by: agent, lease: lease))
        try store.complete(done, metrics: [:])
        let running = try #require(try store.claimNext(of: job.id, by: agent, lease: lease))
        #expect(try store.cancel(job.id) == 2)
        #expect(
            throws: StoreError.lostLease(
                LostLease(run: running.run, attempt: 1, status: .cancelled, currentAttempt: 1))
        ) { try store.renew(running, lease: lease) }
        let counts = try store.snapshot(of: job.id).counts
        #expect(counts[.done] == 1)
        #expect(counts[.cancelled] == 2)
    }

    private func claimed(maxRetries: Int = 1) throws -> (JobID, Claim) {
        let job = try store.addJob(1, job: .sample(maxRetries: maxRetries))
        let agent = try store.addAgent(to: job.id)
        return (job.id, try #require(try store.claimNext(of: job.id, by: agent, lease: lease)))
    }
}
