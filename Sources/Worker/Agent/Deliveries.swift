import Foundation
import Layout
import Store
import Synchronization
import WandB

/// Runs that have ended and whose last rows are still on their way to W&B, each on its own thread: the next run
/// starts meanwhile.
///
/// Those that a server did not take are tried once more when it takes another run, or else before the agent ends.
final class Deliveries: Sendable {
    private struct State {
        var pending = 0
        var left: [Left] = []
        var isRetrying = false
    }

    private struct Left {
        let run: RunID
        let folder: String
        let log: RunLog
    }

    private let state = Mutex(State())
    private let settings: WandBSettings
    private let offlineFolders: String
    private let store: Store

    /// Sends for an agent with those settings; `store` records what W&B has.
    init(settings: WandBSettings, offlineFolders: String, store: Store) {
        self.settings = settings
        self.offlineFolders = offlineFolders
        self.store = store
    }

    /// Sends the rest of a run and its exit code, reports the outcome, and acts on it.
    func finish(
        _ tracker: RunTracker, of claim: Claim, exitCode: Int32, log: RunLog,
        then: @escaping @Sendable () -> Void = {}
    ) {
        inBackground { [self] in
            let delivery = tracker.finish(exitCode: exitCode) { StopRequest.isMade }
            log.say(delivery.description)
            note(delivery, of: claim, log: log)
            then()
            if case .delivered = delivery { sendLeft() }
        }
    }

    /// Sends what is left of a run that continues elsewhere.
    func suspend(_ tracker: RunTracker, isPreempted: Bool, log: RunLog) {
        inBackground { log.say(tracker.suspend(isPreempted: isPreempted).description) }
    }

    /// Waits until everything is sent, or left in its folder because a server does not take it.
    func wait() {
        while state.withLock({ $0.pending > 0 }) { Thread.sleep(forTimeInterval: 0.05) }
        sendLeft()
    }

    private func inBackground(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.pending += 1 }
        Thread.detachNewThread { [self] in
            body()
            state.withLock { $0.pending -= 1 }
        }
    }

    private func note(_ delivery: Delivery, of claim: Claim, log: RunLog) {
        switch delivery {
        case .disabled: return
        case .delivered: note(claim.run, isUnsent: false)
        case .left, .filesLeft:
            note(claim.run, isUnsent: true)
            guard settings.offlineReason == nil else { return }
            state.withLock { $0.left.append(Left(run: claim.run, folder: claim.folder.spool, log: log)) }
        }
    }

    private func note(_ run: RunID, isUnsent: Bool) {
        do throws(StoreError) {
            try store.note([run], areUnsent: isUnsent)
        } catch {
            AgentLoop.say("could not record what W&B has of run \(run): \(error)")
        }
    }

    /// Tries those again that were left, until the server fails to take one.
    private func sendLeft() {
        let isFree = state.withLock { state in
            defer { state.isRetrying = true }
            return !state.isRetrying
        }
        guard isFree else { return }
        defer { state.withLock { $0.isRetrying = false } }
        while !StopRequest.isMade, let next = state.withLock({ $0.left.first }) {
            let delivery = Redelivery.send(
                next.folder, settings: settings, offlineFolders: offlineFolders, isInHurry: { StopRequest.isMade })
            if case .left = delivery { return }
            _ = state.withLock { $0.left.removeFirst() }
            next.log.say(delivery.description)
            note(next.run, isUnsent: false)
        }
    }
}
