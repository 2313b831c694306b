import Foundation
import HTTP
import Synchronization

/// How many requests may go out in a minute, shared by everything that sends from one process.
///
/// No minute holds more than the budget. A quarter of it may go out at once, so a few runs need not wait;
/// the rest follows evenly. When the server asks one sender to wait, all wait.
public final class RequestBudget: Sendable {
    private struct State {
        /// The requests of the last minute, the oldest first.
        var recent: [ContinuousClock.Instant] = []
        var heldUntil: ContinuousClock.Instant?
        /// The time between requests that the server's quota leaves, and until when.
        var spacing: (duration: Duration, until: ContinuousClock.Instant)?
        var total = 0
    }

    /// A little more than a minute: requests take unequal time on their way.
    private static let window: Duration = .milliseconds(60_500)
    /// Requests in any minute.
    public let perMinute: Int
    private let state = Mutex(State())

    /// A budget of at least one request a minute.
    public init(perMinute: Int) { self.perMinute = max(1, perMinute) }

    /// How many requests were granted and not given back.
    public var total: Int { state.withLock { $0.total } }

    /// Until when the server wants no request, if it said so.
    public var heldUntil: ContinuousClock.Instant? { state.withLock { $0.heldUntil } }

    /// Takes the right to one request.
    ///
    /// - Returns: nil when it is granted, else when to ask again.
    func reserve(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        state.withLock { state in
            if let held = state.heldUntil {
                if now < held { return held }
                state.heldUntil = nil
            }
            state.recent.removeFirst(state.recent.prefix { now - $0 >= Self.window }.count)
            if state.recent.count >= perMinute { return state.recent[0] + Self.window }
            if let last = state.recent.last, let next = gap(state, now).map({ last + $0 }), now < next {
                return next
            }
            state.recent.append(now)
            state.total += 1
            return nil
        }
    }

    private func gap(_ state: State, _ now: ContinuousClock.Instant) -> Duration? {
        let asked = state.spacing.flatMap { now < $0.until ? $0.duration : nil }
        let even = state.recent.count >= (perMinute + 3) / 4 ? .seconds(60) / perMinute : nil as Duration?
        guard let asked else { return even }
        return max(asked, even ?? .zero)
    }

    /// Gives back the right last taken at `instant`: no request was needed.
    func refund(_ instant: ContinuousClock.Instant) {
        state.withLock { state in
            guard let index = state.recent.lastIndex(of: instant) else { return }
            state.recent.remove(at: index)
            state.total -= 1
        }
    }

    /// Applies what a reply says about the server's quota.
    func heed(_ response: HTTPResponse, at now: ContinuousClock.Instant) {
        let wait = CallFailure.retryAfter(response.header("Retry-After"), now: Date().timeIntervalSince1970)
        let reset = response.header("RateLimit-Reset").flatMap(Double.init).flatMap { $0.isFinite ? $0 : nil }
        let spacing = StreamReply.spacing(response)
        state.withLock { state in
            if !response.isSuccess, let wait { state.heldUntil = max(state.heldUntil ?? now, now + wait) }
            guard let reset, spacing > .zero else { return }
            state.spacing = (spacing, now + .seconds(min(reset, 300)))
        }
    }
}
