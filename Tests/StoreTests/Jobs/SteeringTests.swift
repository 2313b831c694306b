import TestFiles
import Testing

@testable import Store

struct SteeringTests {
    let folder: TemporaryFolder
    let store: Store
    let job: JobID
    let agent: AgentID

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(folder.cache)
        job = try store.addJob(4).id
        agent = try store.addAgent(to: job)
    }

    private func claim() throws -> Claim {
        try #require(try store.claimNext(of: job, by: agent, lease: lease))
    }

    @Test func aCancelledRunsAttemptIsFencedOutAndTheOthersGoOn() throws {
        let (first, second) = (try claim(), try claim())
        #expect(try store.cancel(first.run))
        #expect(
            throws: StoreError.lostLease(
                LostLease(run: first.run, attempt: 1, status: .cancelled, currentAttempt: 1))
        ) { try store.renew(first, lease: lease) }
        try store.complete(second, metrics: [:])
        #expect(try !store.cancel(second.run), "what is done stays")
        #expect(try store.attempts(at: first.run).map(\.outcome) == [.cancelled])
        #expect(try store.run(second.run).status == .done)
        #expect(try store.openWork(of: job).pending == 2)
    }

    @Test func failedAndCancelledRunsCanBeTriedAgain() throws {
        let (failed, cancelled, done) = (try claim(), try claim(), try claim())
        try store.renew(failed, Progress(step: 30, steps: 100), lease: lease)
        try store.fail(failed, error: "no", retry: false)
        try store.complete(done, metrics: ["a": 1])
        _ = try store.cancel(job)
        #expect(try store.run(cancelled.run).status == .cancelled)
        #expect(try store.retry(job, [.failed]) == 1)
        #expect(try store.job(job).cancelled == nil)
        #expect(try store.run(failed.run).error == nil)
        let again = try claim()
        #expect((again.run, again.attempt, again.reachedStep) == (failed.run, 2, 30))
        #expect(try store.retry(job, [.failed, .cancelled]) == 2)
        #expect(try store.run(done.run).status == .done)
        // The cancelled attempt doesn't come back to life with its run.
        #expect(throws: StoreError.self) { try store.complete(cancelled, metrics: [:]) }
    }

    @Test func chosenRunsAreTriedAgainAllOrNone() throws {
        let (failed, done) = (try claim(), try claim())
        try store.fail(failed, error: "no", retry: false)
        try store.complete(done, metrics: [:])
        #expect(throws: StoreError.notRetryable(done.run, .done)) {
            try store.retry([failed.run, done.run], of: job)
        }
        #expect(try store.run(failed.run).status == .failed)
        try store.retry([failed.run], of: job)
        #expect(try store.run(failed.run).status == .pending)
        let other = try store.addJob(1).id
        #expect(throws: StoreError.unknownRun(failed.run)) { try store.retry([failed.run], of: other) }
    }

    @Test func theBeginningOfARunsNameIsEnoughWhereItIsUnambiguous() throws {
        let runs = try store.snapshot(of: job).runs.map(\.id)
        let name = runs[0].rawValue
        #expect(try store.run(startingWith: name) == runs[0])
        let unique = try #require(
            (1...8).map { String(name.prefix($0)) }.first { prefix in
                runs.filter { $0.rawValue.hasPrefix(prefix) }.count == 1
            })
        #expect(try store.run(startingWith: unique) == runs[0])
        for nobody in ["", "%", "_", "zzzzzzzzz"] {
            #expect(throws: StoreError.noRun(prefix: nobody)) { try store.run(startingWith: nobody) }
        }
        // Forty runs share thirty-six first letters.
        let many = try store.addJob(40).id
        let letters = try store.snapshot(of: many).runs.map { String($0.id.rawValue.prefix(1)) }
        let shared = try #require(letters.first { letter in letters.filter { $0 == letter }.count > 1 })
        #expect { try store.run(startingWith: shared) } throws: { error in
            guard case .ambiguousRun(shared, let candidates) = error as? StoreError else { return false }
            return candidates.count > 1
        }
    }

    @Test func agentsThatAreAddedLaterAreNumberedOn() throws {
        let local = try store.addJob(2, job: .sample(.local)).id
        let more = try store.addAgents(2, to: local)
        #expect(more.map(\.number) == [3, 4])
        #expect(more.allSatisfy { $0.state == .starting })
        // A second array's task 1 is another agent than the first one's.
        let place = SlurmPlace(job: 5, arrayJob: 5, arrayTask: 1)
        for _ in 0..<2 {
            _ = try store.registerAgent(AgentIdentity(host: "n1", pid: 1, slurm: place), for: job)
        }
        #expect(Set(try store.agents(of: job).map(\.number)).count == 3)
    }

    @Test func aForgottenJobLeavesNothingAndTheOthersAlone() throws {
        let other = try store.addJob(1).id
        let run = try claim().run
        try store.forget(job)
        #expect(try store.jobs().map(\.job.id) == [other])
        #expect(try store.attempts(at: run).isEmpty)
        #expect(throws: StoreError.unknownRun(run)) { try store.run(run) }
    }
}
