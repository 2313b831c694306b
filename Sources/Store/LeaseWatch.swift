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
