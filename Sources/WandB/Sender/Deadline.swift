import Foundation
import HTTP

/// How long a few calls that somebody waits for may take, and whether to repeat one.
struct Deadline: Sendable {
    /// How long all of it may take.
    let limit: Duration
    /// The wait after the first failure of a call; it doubles with each further one.
    let firstPause: Duration
    /// Asked every now and then; true gives up.
    let isCancelled: @Sendable () -> Bool
    private let deadline: ContinuousClock.Instant

    /// Starts the clock.
    init(limit: Duration, firstPause: Duration, isCancelled: @escaping @Sendable () -> Bool) {
        self.limit = limit
        self.firstPause = firstPause
        self.isCancelled = isCancelled
        deadline = ContinuousClock.now + limit
    }

    /// Whether nobody waits any more.
    var isOver: Bool { isCancelled() || ContinuousClock.now >= deadline }

    /// Makes a call until it succeeds, or repeating it makes no sense, or the time is up.
    func call<Value>(_ body: () -> Result<Value, CallFailure>) throws(CallFailure) -> Value {
        var failures = 0
        while true {
            switch body() {
            case .success(let value): return value
            case .failure(let failure): try wait(after: failure, number: failures)
            }
            failures += 1
        }
    }

    /// Waits before another attempt, if one makes sense and there is time for it.
    func wait(after failure: CallFailure, number: Int) throws(CallFailure) {
        guard failure.kind == .transient, !isCancelled() else { throw failure }
        let pause = failure.retryAfter ?? firstPause * (1 << min(number, 4))
        guard ContinuousClock.now + pause < deadline else { throw failure }
        Thread.sleep(forTimeInterval: pause.seconds)
    }

    /// What a failure means for a waiting caller; `host` is the server's name.
    func explanation(of failure: CallFailure, host: String) -> String {
        guard failure.kind == .cancelled else { return failure.description }
        return isCancelled() ? "interrupted" : "\(host) did not do it within \(Int(limit.seconds)) s"
    }
}
