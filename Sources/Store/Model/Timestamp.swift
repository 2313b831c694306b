import Glibc

/// A moment as unix seconds, the same on every node whose clock is right.
public struct Timestamp: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    /// Unix seconds.
    public let rawValue: Double

    /// Wraps unix seconds.
    public init(rawValue: Double) { self.rawValue = rawValue }

    /// The system clock's moment.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(rawValue: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
    }

    /// Whether `a` is the earlier moment.
    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.rawValue < b.rawValue }

    /// The moment `duration` after `moment`.
    public static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(rawValue: moment.rawValue + duration / .seconds(1))
    }

    /// The time from `start` to `end`.
    public static func - (end: Timestamp, start: Timestamp) -> Duration {
        .seconds(end.rawValue - start.rawValue)
    }
}
