import Foundation
import Jobs
import Store
import Synchronization

/// Gets an agent its claims and keeps them: one thread renews all of them and passes progress on, one transaction for
/// all, so a locked state file never holds training up.
final class ClaimKeeper: Sendable {
    private struct State {
        var kept: [HeldClaim] = []
        var isOver = false
    }

    /// What was seen of the other agents.
    private struct Watch {
        var leases = LeaseWatch()
        /// Attempts that have fallen silent, as the last look found them.
        var silent: [LeaseHold] = []
        var looked: ContinuousClock.Instant?
    }

    private let store: Store
    private let agent: AgentID
    private let lease: Duration
    private let job: JobID
    /// Whether the job's agents are processes whose end can be seen on their machine.
    private let isLocal: Bool
    /// Told of agents whose runs were taken over.
    private let lookAfter: @Sendable (AgentID) -> Void
    private let watch = Mutex(Watch())
    private let state = Mutex(State())
    private let meter: Mutex<UsageMeter>

    /// How long progress may wait to be passed on: others' commits wait for each one.
    private let reportPause: Duration
    private static let tick = 0.2
    /// How long a look at the other agents holds between two short runs.
    private static let lookPause = Duration.seconds(1)

    /// Keeps the claims of `agent`; `lookAfter` receives agents that have fallen silent and whose runs it took over.
    init(
        store: Store, job: Job, agent: AgentID, lease: Duration, meter: UsageMeter,
        lookAfter: @escaping @Sendable (AgentID) -> Void = { _ in }
    ) {
        self.store = store
        self.agent = agent
        self.lease = lease
        self.job = job.id
        isLocal = job.executor == .local
        self.lookAfter = lookAfter
        self.meter = Mutex(meter)
        reportPause = min(store.isOnNetworkFileSystem ? .seconds(5) : .seconds(1), lease / 6)
    }

    /// Claims a spec and keeps the claim until it is dropped: one that was interrupted before any that has not begun.
    ///
    /// A run at whose very beginning two agents have fallen silent comes last: it may do the same to the next one.
    ///
    /// - Returns: `nil` when there is none now.
    /// - Throws: `StoreError.agentEnded`, and what keeps the state file from being read or changed.
    func next() throws(StoreError) -> HeldClaim? {
        let asked = ContinuousClock.now
        try store.checkPlace()
        let silent = try lookAround()
        var claim = try takeOver(silent.filter(\.comesFirst))
        if claim == nil { claim = try store.claimNext(of: job, by: agent, lease: lease, choose: Searching.choose) }
        if claim == nil { claim = try takeOver(silent.filter { !$0.comesFirst }) }
        return claim.map { keep($0, asked: asked) }
    }

    /// Settles a claim, keeps it no longer, and keeps the one that comes next: one transaction for all of it.
    ///
    /// - Parameters:
    ///   - kept: The claim.
    ///   - settlement: How its attempt ends.
    ///   - mayClaim: Whether this agent wants another spec.
    /// - Returns: Where the run stands now, and the next claim. Without one, ``next()`` may still find some: a run whose
    ///   agent has fallen silent comes first, and is taken over in its own transaction.
    /// - Throws: `StoreError.lostLease`, and what keeps the state file from being read or changed.
    func settle(
        _ kept: HeldClaim, as settlement: Settlement, mayClaim: Bool
    ) throws(StoreError) -> (status: RunStatus, next: HeldClaim?) {
        let asked = ContinuousClock.now
        var settlement = settlement
        if case .failed = settlement, !store.isInPlace { settlement = .released("the cache was moved") }
        let mayClaim = mayClaim && store.isInPlace
        let wantsNext = mayClaim ? try !lookAround(atMostEvery: Self.lookPause).contains(where: \.comesFirst) : false
        let (status, next) = try store.settle(
            kept.claim, as: settlement, reached: kept.reached, usage: usage(),
            claimingFor: wantsNext ? lease : nil, choose: Searching.choose)
        kept.end()
        state.withLock { state in state.kept.removeAll { $0 === kept } }
        return (status, next.map { keep($0, asked: asked) })
    }

    private func keep(_ claim: Claim, asked: ContinuousClock.Instant) -> HeldClaim {
        let kept = HeldClaim(claim, lease: lease, asked: asked)
        state.withLock { $0.kept.append(kept) }
        return kept
    }

    /// Checks which agents have died or fallen silent, unless that was done a moment ago.
    ///
    /// - Returns: The attempts that have fallen silent.
    private func lookAround(atMostEvery pause: Duration = .zero) throws(StoreError) -> [LeaseHold] {
        let known = watch.withLock { watch in
            watch.looked.flatMap { .now - $0 < pause ? watch.silent : nil }
        }
        if let known { return known }
        if isLocal { try endExpiredAgents() }
        return try silent()
    }

    private func takeOver(_ holds: [LeaseHold]) throws(StoreError) -> Claim? {
        for hold in holds {
            guard let claim = try store.takeOver(hold, by: agent, lease: lease) else { continue }
            lookAfter(hold.agent)
            return claim
        }
        return nil
    }

    /// Gives back what local agents held whose processes are gone, without waiting for their leases to end.
    private func endExpiredAgents() throws(StoreError) {
        for other in try store.agents(of: job) where other.id != agent && other.state == .running {
            // SLURM may give its jobs process numbers of their own.
            guard other.host == AgentIdentity.thisHost, other.slurm.job == nil, let pid = other.pid,
                !ProcessCheck.isAgent(pid)
            else { continue }
            let reason = "its process is gone" + AgentVerdict.memoryWords(of: other)
            let count = try store.buryAgent(other.id, reason: reason)
            AgentLoop.say("agent \(job).\(other.number) is gone; it held \(count)")
        }
    }

    private func silent() throws(StoreError) -> [LeaseHold] {
        let holds = try store.holds(of: job)
        return watch.withLock { watch in
            let now = ContinuousClock.now
            watch.silent = watch.leases.silent(among: holds, at: now)
            watch.looked = now
            return watch.silent
        }
    }

    /// Drops a claim that was not settled; what it took of the machine since the last renewal is recorded.
    func drop(_ kept: HeldClaim) {
        guard state.withLock({ $0.kept.contains { $0 === kept } }) else { return }
        kept.end()
        let usage = usage()
        state.withLock { state in state.kept.removeAll { $0 === kept } }
        do { try store.charge(kept.claim, usage.share, total: usage.total) } catch {
            // What a run took is worth knowing, but not worth waiting for.
            AgentLoop.say("what run \(kept.claim.run) used since its last renewal is not recorded: \(error)")
        }
    }

    /// What each claim has used of the machine since the last renewal, and the agent in all.
    private func usage() -> (share: UsageShare, total: Usage) {
        let count = state.withLock(\.kept.count)
        return meter.withLock { ($0.share(among: count), $0.total) }
    }

    /// Whether no claim is kept.
    var isIdle: Bool { state.withLock(\.kept.isEmpty) }

    /// Starts renewing.
    func start() {
        let thread = Thread { [self] in
            var renewed = ContinuousClock.now
            var observed = renewed
            while !state.withLock(\.isOver) {
                renew(&renewed)
                observe(&observed)
                Thread.sleep(forTimeInterval: Self.tick)
            }
        }
        thread.name = "claims"
        thread.start()
    }

    /// Stops renewing.
    func stop() {
        state.withLock { $0.isOver = true }
    }

    private func renew(_ renewed: inout ContinuousClock.Instant) {
        let kept = state.withLock(\.kept)
        let since = ContinuousClock.now - renewed
        guard since > lease / 6 || (since > reportPause && kept.contains(where: \.hasNews)) else { return }
        let asked = ContinuousClock.now
        do {
            let usage = usage()
            let lost = try store.renew(
                kept.map { ($0.claim, $0.takeProgress()) }, by: agent, lease: lease, usage: usage)
            for claim in kept { claim.note(lost.first { $0.run == claim.claim.run }, asked: asked) }
            renewed = asked
        } catch {
            // A lock or a full disk may pass; until then the runs write nothing, because their leases may have ended.
        }
    }

    /// Watches the other agents' attempts: an agent that dies while this one trains is noticed as soon as it is free.
    private func observe(_ observed: inout ContinuousClock.Instant) {
        guard .now - observed > lease / 6 else { return }
        observed = .now
        do {
            _ = try silent()
        } catch {
            // What can't be read now is looked at next time.
        }
    }
}
