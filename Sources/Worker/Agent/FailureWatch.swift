import Foundation
import Jobs
import Store
import Synchronization
import WandB

/// Tells of a job's failures while it continues: the user's command, and those who follow the project on W&B.
final class FailureWatch: Sendable {
    private let store: Store
    private let job: Job
    private let tracking: WandBSettings
    private let environment: [String: String]
    /// Whether this agent is running the user's command.
    private let isTelling = Mutex(false)

    init(store: Store, job: Job, tracking: WandBSettings, environment: [String: String]) {
        (self.store, self.job, self.tracking, self.environment) = (store, job, tracking, environment)
    }

    /// Alerts those who follow the project on W&B to a run that is the first of its job to fail for its cause.
    func alert(of claim: Claim, log: RunLog) {
        guard tracking.offlineReason == nil else { return }
        do throws(StoreError) {
            guard try store.isFirstOfItsKind(claim.run) else { return }
            let reason = try store.run(claim.run).error ?? "no reason is known"
            let problem = RunAlert.send(
                title: "\(job.token): run \(claim.run) failed", text: reason, inTheNameOf: claim.folder.spool,
                settings: tracking)
            if let problem { log.say("W&B: no alert about the failure: \(problem)") }
        } catch {
            log.say("W&B: no alert about the failure: \(error)")
        }
    }

    /// Reports new failures to the user's command, unless it got some recently.
    ///
    /// Training does not wait for the command.
    func tell() {
        guard job.options.onFailure != nil, beginTelling() else { return }
        Thread.detachNewThread { [self] in
            defer { endTelling() }
            tellNow()
        }
    }

    /// Whether the command is running, or a report of new failures is due.
    func isToTell() throws(StoreError) -> Bool {
        guard job.options.onFailure != nil else { return false }
        if isTelling.withLock({ $0 }) { return true }
        return try store.hasUntoldFailures(of: job.id)
    }

    /// Waits until the running command has ended.
    func wait() {
        while isTelling.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.05) }
    }

    private func tellNow() {
        do {
            let notice = FailureNotice(store: store, job: job, environment: environment)
            for note in try notice.send(shouldStop: { StopRequest.isMade }) { AgentLoop.say(note) }
        } catch {
            AgentLoop.say("--on-failure: \(error)")
        }
    }

    private func beginTelling() -> Bool {
        isTelling.withLock { isTelling in
            defer { isTelling = true }
            return !isTelling
        }
    }

    private func endTelling() { isTelling.withLock { $0 = false } }
}
