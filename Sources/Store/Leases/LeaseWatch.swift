/// Tells which attempts have fallen silent, by this machine's steady clock alone.
///
/// Clocks of several nodes never agree and may jump, so nobody compares them: an attempt has lost its run when one
/// observer has seen its renewal unchanged for as long as its lease. Its own agent stops at the latest a lease after
/// it last *asked* for a renewal, which is earlier.
///
/// An observer that was held up itself (asleep, or before a locked state file) has seen nothing: those it watches may
/// have been held up by the same, and get a whole lease from there on.
public struct LeaseWatch: Sendable {
    private var seen: [LeaseHold: ContinuousClock.Instant] = [:]
    private var lastLook: ContinuousClock.Instant?

    /// Starts with nothing seen.
    public init() {}

    /// Takes a look at a job's attempts; looks more than half a lease apart prove nothing.
    ///
    /// - Parameters:
    ///   - holds: All attempts that continue.
    ///   - now: When they were read.
    /// - Returns: Those that have fallen silent.
    public mutating func silent(among holds: [LeaseHold], at now: ContinuousClock.Instant) -> [LeaseHold] {
        let pause = lastLook.map { now - $0 } ?? .zero
        lastLook = now
        var still: [LeaseHold: ContinuousClock.Instant] = [:]
        for hold in holds { still[hold] = pause > hold.lease / 2 ? now : seen[hold] ?? now }
        seen = still
        return holds.filter { hold in still[hold].map { now - $0 >= hold.lease } ?? false }
    }
}
