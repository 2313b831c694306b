import Foundation

/// The two clocks of a tracked run, replaceable in tests.
public struct RunClock: Sendable {
    /// Seconds since 1970.
    public var date: @Sendable () -> Double
    /// Seconds of a clock that nobody sets.
    public var uptime: @Sendable () -> Double

    /// Fake clocks.
    public init(date: @escaping @Sendable () -> Double, uptime: @escaping @Sendable () -> Double) {
        self.date = date
        self.uptime = uptime
    }

    /// The machine's.
    public static let system = RunClock(
        date: { Date().timeIntervalSince1970 }, uptime: { ProcessInfo.processInfo.systemUptime })
}
