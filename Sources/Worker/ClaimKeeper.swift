import Foundation
import Runs
import Store
import Synchronization

/// Keeps a claim while its run goes on: renews the lease and passes progress on, from a thread of its own, so that a
/// locked state file never holds training up.
final class ClaimKeeper: Sendable {
    private struct State {
        var progress: RunProgress?
        var isOver = false
        var lost: StoreError?
        var renewed = ContinuousClock.now
    }

    private let store: Store
    private let claim: Claim
    private let state = Mutex(State())

    /// How long a claim stands without a renewal.
    private let lease: Duration
    private static let interval = 0.5

    init(store: Store, claim: Claim, lease: Duration) {
        self.lease = lease
        self.store = store
        self.claim = claim
    }

    /// Why the claim is no longer ours, if it is not: another attempt has taken over, or the run was cancelled.
    var lost: StoreError? { state.withLock(\.lost) }

    /// Whose the run's files are: ours as long as nobody has taken over, be the run cancelled.
    var ownership: FileOwnership {
        state.withLock { state in
            if case .lostLease(let lost) = state.lost {
                return lost.currentAttempt == claim.attempt ? .ours : .lost
            }
            // The state file may be out of reach, or this process was asleep: somebody else may hold the claim by now.
            return !state.isOver && .now - state.renewed > lease ? .unknown : .ours
        }
    }

    /// Takes note of progress; what came before it is superseded.
    func note(_ progress: RunProgress) {
        state.withLock { $0.progress = progress }
    }

    /// Starts keeping the claim.
    func start() {
        let thread = Thread { [self] in
            while !state.withLock(\.isOver) {
                renew()
                Thread.sleep(forTimeInterval: Self.interval)
            }
        }
        thread.start()
    }

    /// Stops keeping it, once it is settled or lost; what was known of it then stays true.
    func stop() {
        state.withLock { $0.isOver = true }
    }

    private func renew() {
        let progress = state.withLock { state in
            defer { state.progress = nil }
            return state.progress
        }
        let isDue = state.withLock { .now - $0.renewed > lease / 6 }
        guard progress != nil || isDue else { return }
        let asked = ContinuousClock.now
        do {
            if let progress {
                try store.report(
                    Progress(
                        step: progress.step, steps: progress.steps, stepsPerSecond: progress.stepsPerSecond,
                        losses: progress.losses), of: claim, lease: lease)
            } else {
                try store.heartbeat(claim, lease: lease)
            }
            state.withLock { $0.renewed = asked }
        } catch {
            // A fence is final; anything else (a lock, a full disk) may pass, and until then nothing is written.
            if case .lostLease = error { state.withLock { $0.lost = error } }
        }
    }
}
