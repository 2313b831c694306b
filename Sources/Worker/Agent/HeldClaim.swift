import Runs
import Store
import Synchronization

/// A claim while its run continues, as the run sees it and as its agent keeps it.
final class HeldClaim: Sendable {
    private struct State {
        var progress: RunProgress?
        var reached: Reached?
        var lost: LostLease?
        /// Whether it is settled or given up: what was known of it then stays true.
        var isOver = false
        /// When the renewal that worked last was asked for.
        var renewed: ContinuousClock.Instant
    }

    let claim: Claim
    /// How long the claim stands without a renewal.
    private let lease: Duration
    private let state: Mutex<State>

    /// Keeps a claim that was asked for at `asked`.
    init(_ claim: Claim, lease: Duration, asked: ContinuousClock.Instant) {
        self.claim = claim
        self.lease = lease
        state = Mutex(State(renewed: asked))
    }

    /// What happened to the run if the claim is no longer ours: another attempt took over, or it was cancelled.
    var lost: LostLease? { state.withLock(\.lost) }

    /// Whose the run's files are: ours as long as nobody has taken over, be the run cancelled.
    var ownership: FileOwnership {
        state.withLock { state in
            if let lost = state.lost { return lost.currentAttempt == claim.attempt ? .ours : .lost }
            // The state file may be out of reach, or this process was asleep: somebody else may hold the claim by now.
            return !state.isOver && .now - state.renewed > lease ? .unknown : .ours
        }
    }

    /// Records progress; what came before it is superseded.
    func note(_ progress: RunProgress) {
        state.withLock { $0.progress = progress }
    }

    /// Records what the run has reached, where a search compares it.
    func note(_ reached: Reached) {
        state.withLock { $0.reached = reached }
    }

    /// What the run has reached, where a search compares it.
    var reached: Reached? { state.withLock(\.reached) }

    /// Whether there is progress to pass on.
    var hasNews: Bool { state.withLock { $0.progress != nil } }

    /// The progress to pass on, once.
    func takeProgress() -> Progress? {
        let (progress, reached) = state.withLock { state in
            defer { state.progress = nil }
            return (state.progress, state.reached)
        }
        return progress.map {
            Progress(
                step: $0.step, steps: $0.steps, stepsPerSecond: $0.stepsPerSecond, losses: NamedNumbers($0.losses),
                reached: reached)
        }
    }

    /// Whether it is settled or given up.
    var isOver: Bool { state.withLock(\.isOver) }

    /// Records that the claim is settled or given up.
    func end() {
        state.withLock { $0.isOver = true }
    }

    /// Records an answer to a renewal that was asked for at `asked`.
    func note(_ lost: LostLease?, asked: ContinuousClock.Instant) {
        state.withLock { state in
            if let lost {
                state.lost = lost
            } else {
                state.renewed = asked
            }
        }
    }
}
