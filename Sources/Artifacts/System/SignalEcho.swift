import Glibc
import Synchronization

/// Tells a signal that somebody sends again from one that arrives twice: `timeout`, shells and schedulers signal a process
/// and its group in one go.
public struct SignalEcho: ~Copyable, Sendable {
    /// Milliseconds of the clock that never jumps; 0 before the first signal.
    private let last = Atomic(0)

    /// Nobody presses a key twice within this many milliseconds.
    private static let echo = 200

    /// Waits for the first signal.
    public init() {}

    /// Whether the signal that is being handled follows the one before so closely that it is the same; may be asked in a
    /// signal's handler.
    public func isEcho() -> Bool {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return isEcho(at: time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
    }

    /// The same at a time of the clock, in milliseconds.
    func isEcho(at now: Int) -> Bool {
        let before = last.exchange(now, ordering: .relaxed)
        return before != 0 && now - before < Self.echo
    }
}
