/// Tells which attempts have fallen silent, by this machine's steady clock alone.
///
/// Clocks of several nodes never agree and may jump, so nobody compares them: an attempt has lost its run when one
/// observer has seen its renewal unchanged for as long as its lease. Its own agent stops at the latest a lease after
/// it last *asked* for a renewal, which is earlier.
public struct LeaseWatch: Sendable {
    private var seen: [Hold: ContinuousClock.Instant] = [:]

    /// Starts with nothing seen.
    public init() {}

    /// Takes a look at a job's attempts.
    ///
    /// - Parameters:
    ///   - holds: All attempts that go on.
    ///   - now: When they were read.
    /// - Returns: Those that have fallen silent.
    public mutating func silent(among holds: [Hold], at now: ContinuousClock.Instant) -> [Hold] {
        var still: [Hold: ContinuousClock.Instant] = [:]
        for hold in holds { still[hold] = seen[hold] ?? now }
        seen = still
        return holds.filter { hold in still[hold].map { now - $0 >= hold.lease } ?? false }
    }
}

/// Finds work for an agent: specs that wait, then those whose agent has fallen silent.
public struct ClaimSeeker: Sendable {
    private let store: Store
    private let job: JobID
    private let agent: AgentID
    private let lease: Duration
    private var watch = LeaseWatch()

    /// Seeks specs of `job` for `agent`, each to be held for `lease` without a renewal.
    public init(store: Store, job: JobID, agent: AgentID, lease: Duration) {
        self.store = store
        self.job = job
        self.agent = agent
        self.lease = lease
    }

    /// The next claim, or `nil` when there is nothing to claim now.
    ///
    /// Call it again and again, or ``observe()`` while at work: silence is noticed only by looking.
    public mutating func next() throws(StoreError) -> Claim? {
        if let claim = try store.claimNext(of: job, by: agent, lease: lease) { return claim }
        for hold in try observe() {
            if let claim = try store.takeOver(hold, by: agent, lease: lease) { return claim }
        }
        return nil
    }

    /// Looks at the attempts of all agents and returns those that have fallen silent.
    @discardableResult
    public mutating func observe() throws(StoreError) -> [Hold] {
        watch.silent(among: try store.holds(of: job), at: .now)
    }
}
