import Foundation
import Synchronization
import WandB

/// Runs that have ended and whose last rows are still on their way to W&B, each on a thread of its own: the next run
/// starts meanwhile.
final class Deliveries: Sendable {
    private let pending = Mutex(0)

    /// Sends what is left of a run and its exit code, and says what became of them.
    func finish(_ tracker: RunTracker, exitCode: Int32, log: RunLog) {
        deliver(log) { tracker.finish(exitCode: exitCode) { StopRequest.isMade } }
    }

    /// Sends what is left of a run that goes on elsewhere.
    func suspend(_ tracker: RunTracker, log: RunLog) {
        deliver(log) { tracker.suspend() }
    }

    /// Waits until everything is sent, or left in its folder because a server does not take it.
    func wait() {
        while pending.withLock({ $0 > 0 }) { Thread.sleep(forTimeInterval: 0.05) }
    }

    private func deliver(_ log: RunLog, _ body: @escaping @Sendable () -> Delivery) {
        pending.withLock { $0 += 1 }
        Thread.detachNewThread { [self] in
            log.say(body().description)
            pending.withLock { $0 -= 1 }
        }
    }
}
