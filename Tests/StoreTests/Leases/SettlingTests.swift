import Foundation
import GRDB
import TestFiles
import Testing

@testable import Store

/// An agent that ends a run and takes the next does both or neither.
struct SettlingTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(folder.cache)
    }

    private func claimed(
        of count: Int, job: NewJob = .sample(maxRetries: 1)
    ) throws -> (job: JobID, agent: AgentID, claim: Claim) {
        let job = try store.addJob(count, job: job).id
        let agent = try store.addAgent(to: job)
        return (job, agent, try #require(try store.claimNext(of: job, by: agent, lease: lease)))
    }

    private let done = Settlement.done(metrics: ["mmcs": 0.5], isUnsent: false)

    @Test func whoEndsARunGetsTheNextOne() throws {
        let (job, agent, claim) = try claimed(of: 2)
        let usage = (
            share: UsageShare(cores: 1, cpuSeconds: 3, peakMemory: 4 << 20),
            total: Usage(cores: 2, cpuSeconds: 5, peakMemory: 4 << 20)
        )
        let (status, next) = try store.settle(claim, as: done, usage: usage, claimingFor: lease)
        #expect(status == .done)
        let second = try #require(next)
        #expect(second.spec.position == 1)
        #expect(second.attempt == 1 && second.agent == agent)
        #expect(try store.snapshot(of: job).runs.map(\.status) == [.done, .running])
        #expect(try store.snapshot(of: job).runs[0].metrics == ["mmcs": 0.5])
        #expect(try store.attempts(at: claim.run).map(\.outcome) == [.done])
        let last = try store.settle(second, as: done, claimingFor: lease)
        #expect(last.status == .done && last.next == nil, "none is left")
        #expect(try store.openWork(of: job).isNone)
    }

    @Test func whoWantsNoOtherRunGetsNone() throws {
        let (job, _, claim) = try claimed(of: 2)
        #expect(try store.settle(claim, as: .released("the agent was stopped")).next == nil)
        #expect(try store.openWork(of: job) == OpenWork(pending: 2, running: 0))
    }

    @Test func whatKeepsARunWaitingIsKnownUntilItIsClaimed() throws {
        let (job, agent, claim) = try claimed(of: 2)
        #expect(try store.settle(claim, as: .hindered("no space left")).status == .pending)
        #expect(try store.hindrances(of: job) == [RunFailure(run: claim.run, error: "no space left")])
        let again = try #require(try store.claimNext(of: job, by: agent, lease: lease))
        #expect(again.run == claim.run && again.attempt == 2)
        #expect(try store.hindrances(of: job).isEmpty, "it is at work")
        // Whoever stops it now has another reason, and a failure is no obstacle.
        try store.release(again, reason: "the agent was stopped")
        #expect(try store.hindrances(of: job).isEmpty)
        let third = try #require(try store.claimNext(of: job, by: agent, lease: lease))
        try store.fail(third, error: "no luck", retry: true)
        #expect(try store.hindrances(of: job).isEmpty)
        let fourth = try #require(try store.claimNext(of: job, by: agent, lease: lease))
        try store.settle(fourth, as: .hindered("no space left"))
        #expect(try store.hindrances(of: job).count == 1)
        try store.complete(try #require(try store.claimNext(of: job, by: agent, lease: lease)), metrics: [:])
        #expect(try store.hindrances(of: job).isEmpty)
        #expect(try store.snapshot(of: job).runs[0].error == nil)
    }

    @Test func aRunThatFailsMayBeTriedAgainAtOnceOrAfterTheOthers() throws {
        let (_, _, claim) = try claimed(of: 2)
        let (status, next) = try store.settle(claim, as: .failed("no luck", retry: true), claimingFor: lease)
        #expect(status == .pending)
        #expect(next?.run == claim.run && next?.attempt == 2, "its place is before the other's")
        let again = try store.settle(try #require(next), as: .failed("no luck", retry: true), claimingFor: lease)
        #expect(again.status == .failed && again.next?.spec.position == 1)
    }

    @Test func aRunThatWasInterruptedComesFirst() throws {
        let (job, agent, claim) = try claimed(of: 4)
        let other = try #require(try store.claimNext(of: job, by: agent, lease: lease))
        try store.release(other, reason: "the agent was stopped")
        #expect(try store.settle(claim, as: done, claimingFor: lease).next?.run == other.run)
    }

    @Test func aHeldJobHandsOutNothingWithASettlement() throws {
        let (job, _, claim) = try claimed(of: 2)
        try store.write { db in
            try db.execute(sql: "UPDATE job SET held = 1 WHERE id = ?", arguments: [job.rawValue])
        }
        let (status, next) = try store.settle(claim, as: done, claimingFor: lease)
        #expect(status == .done && next == nil)
    }

    @Test func theRunThatEndsMakesRoomForTheNext() throws {
        let (job, agent, claim) = try claimed(of: 3)
        try store.write { db in
            try db.execute(sql: "UPDATE job SET max_running = 1 WHERE id = ?", arguments: [job.rawValue])
        }
        #expect(try store.claimNext(of: job, by: agent, lease: lease) == nil)
        #expect(try store.settle(claim, as: done, claimingFor: lease).next != nil)
        #expect(try store.openWork(of: job) == OpenWork(pending: 1, running: 1))
    }

    @Test func aLostLeaseSettlesNothingAndClaimsNothing() throws {
        let (job, _, claim) = try claimed(of: 3)
        let other = try store.addAgent(to: job, pid: 2)
        let hold = try #require(try store.holds(of: job).first)
        _ = try store.takeOver(hold, by: other, lease: lease)
        #expect(throws: StoreError.self) { try store.settle(claim, as: done, claimingFor: lease) }
        #expect(try store.openWork(of: job) == OpenWork(pending: 2, running: 1))
    }

    @Test func anAgentThatOthersHoldForEndedSettlesAndGetsNothing() throws {
        let (job, agent, claim) = try claimed(of: 2)
        try store.agentEnded(agent, reason: "told so")
        let (status, next) = try store.settle(claim, as: done, claimingFor: lease)
        #expect(status == .done && next == nil)
        #expect(try store.openWork(of: job) == OpenWork(pending: 1, running: 0))
    }

    @Test func aDamagedNextSpecDoesNotUndoAResult() throws {
        let (job, agent, claim) = try claimed(of: 2)
        var careless = Configuration()
        careless.foreignKeysEnabled = false
        try DatabaseQueue(path: store.path, configuration: careless).write { db in
            try db.execute(sql: "DELETE FROM spec WHERE position = 1")
        }
        let (status, next) = try store.settle(claim, as: done, claimingFor: lease)
        #expect(status == .done && next == nil)
        #expect(try store.openWork(of: job) == OpenWork(pending: 1, running: 0))
        #expect(throws: StoreError.self, "who claims by itself is told") {
            try store.claimNext(of: job, by: agent, lease: lease)
        }
    }

    /// Where a process is killed while it settles and claims, and what the others find then.
    @Test(arguments: [(isCommitted: false, isShared: false), (true, false), (false, true), (true, true)])
    func aProcessKilledOnTheWayHasDoneBothOrNeither(isCommitted: Bool, isShared: Bool) async throws {
        let folder = try TemporaryFolder()
        let shared = try Store(folder.cache, on: isShared ? .nfs : .ext4, patience: .seconds(20), now: Timestamp.now)
        let job = try shared.addJob(2).id
        let path = folder.path
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, number = job.rawValue as Int64, isCommitted = isCommitted as Bool] in
            let store = try Store(CacheFolder(path: path))
            let job = JobID(rawValue: number)
            let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: job)
            let claim = try #require(try store.claimNext(of: job, by: agent, lease: .seconds(600)))
            try store.write { db in
                db.add(transactionObserver: Killer(isCommitted: isCommitted), extent: .databaseLifetime)
            }
            try store.settle(claim, as: .done(metrics: [:], isUnsent: false), claimingFor: .seconds(600))
        }
        let runs = try shared.snapshot(of: job).runs
        #expect(runs.map(\.status) == (isCommitted ? [.done, .running] : [.running, .pending]))
        // Whichever it was holding is given back, and nothing is done twice.
        let dead = try #require(try shared.agents(of: job).first)
        #expect(try shared.buryAgent(dead.id, reason: "its process is gone") == 1)
        let heir = try shared.addAgent(to: job, pid: 2)
        var order: [Int] = []
        var next = try shared.claimNext(of: job, by: heir, lease: lease)
        while let claim = next {
            order.append(claim.spec.position)
            next = try shared.settle(claim, as: done, claimingFor: lease).next
        }
        #expect(order.sorted() == (isCommitted ? [1] : [0, 1]))
        #expect(try shared.openWork(of: job).isNone)
    }
}

/// Kills the process right before or after a commit.
private final class Killer: TransactionObserver {
    private let isCommitted: Bool
    private var isArmed = false

    init(isCommitted: Bool) { self.isCommitted = isCommitted }

    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { true }
    func databaseDidChange(with event: DatabaseEvent) { isArmed = true }
    func databaseWillCommit() throws { if isArmed, !isCommitted { kill(getpid(), SIGKILL) } }
    func databaseDidCommit(_ db: Database) { if isArmed { kill(getpid(), SIGKILL) } }
    func databaseDidRollback(_ db: Database) {}
}
