import Artifacts
import Experiments
import Foundation
import Metrics
import Runs
import Store
import WandB

extension AgentLoop {
    /// Runs what a claim is for and writes how it ended.
    ///
    /// - Throws: `StoreError` if the state file is out of reach.
    func perform(_ kept: HeldClaim) throws(StoreError) {
        let claim = kept.claim
        let folder = claim.folder
        let log: RunLog
        let plan: RunPlan
        let tracker: RunTracker
        do {
            log = try RunLog(run: claim.run.rawValue, folder: folder, isQuiet: options.isQuiet)
            plan = try self.plan(claim, folder: folder)
            tracker = try self.tracker(of: kept, plan: plan, log: log)
        } catch let error as FileError where error.isOutOfRoom {
            _ = try giveBackForRoom(claim, error.description)
            return
        } catch {
            _ = try settle { () throws(StoreError) in
                try store.fail(claim, error: "\(error)", retry: !(error is ConfigError))
            }
            return
        }
        comment?.follow(tracker)
        let say = { @Sendable (line: String) in
            log.say(line)
            tracker.console(line)
        }
        say("\(claim.spec.experiment), attempt \(claim.attempt), in \(folder.path)")
        var hooks = RunHooks(
            shouldStop: { StopRequest.isMade || kept.lost != nil }, ownership: { kept.ownership },
            progress: { progress in
                kept.note(progress)
                if let line = log.note(progress) { tracker.console(line) }
            }, say: say)
        hooks.admit = { bytes throws(RunError) in
            try memory.enter(claim.run.rawValue, needing: bytes, say: say) { !StopRequest.isMade && kept.lost == nil }
        }
        defer { memory.leave(claim.run.rawValue) }
        let outcome: RunOutcome
        do throws(RunError) {
            outcome = try RunExecution(plan, tracker: tracker, hooks: hooks).perform()
        } catch {
            if case .outOfRoom(let reason) = error {
                leave(tracker, of: claim, try giveBackForRoom(claim, reason), log: log)
                return
            }
            say("failed: \(error)")
            var mayPass = false
            if case .failed = error { mayPass = true }
            var status = RunStatus.failed
            let lost = try settle { () throws(StoreError) in
                status = try store.fail(claim, error: error.description, retry: mayPass)
            }
            if lost == nil, status != .pending {
                deliveries.finish(tracker, of: claim, exitCode: 1, log: log)
            } else {
                leave(tracker, of: claim, lost, log: log)
            }
            return
        }
        try settle(outcome, of: kept, plan: plan, tracker: tracker, log: log)
    }

    private func settle(
        _ outcome: RunOutcome, of kept: HeldClaim, plan: RunPlan, tracker: RunTracker, log: RunLog
    ) throws(StoreError) {
        let claim = kept.claim
        switch outcome {
        case .finished(let metrics):
            let words = "done: " + Self.summary(metrics)
            log.say(words)
            tracker.console(words)
            if let lost = try settle({ () throws(StoreError) in
                try store.complete(claim, metrics: metrics, isUnsent: tracker.keepsRows)
            }) {
                leave(tracker, of: claim, lost, log: log)
                return
            }
            do {
                try RunExecution.removeCheckpoints(in: plan.folder)
            } catch {
                log.say("its checkpoints stay: \(error)")
            }
            deliveries.finish(tracker, of: claim, exitCode: 0, log: log)
        case .stopped(let step):
            let reason = "stopped on its W&B page at step \(step)"
            log.say(reason)
            tracker.console(reason)
            let lost = try settle { () throws(StoreError) in try store.fail(claim, error: reason, retry: false) }
            if let lost {
                leave(tracker, of: claim, lost, log: log)
            } else {
                deliveries.finish(tracker, of: claim, exitCode: 255, log: log)
            }
        case .interrupted(let step):
            var lost = kept.lost
            if let lost {
                log.say("stops at step \(step): \(StoreError.lostLease(lost))")
            } else {
                log.say("interrupted at step \(step); its state is saved")
                let reason = StopRequest.kind == .timeLimit ? "the agent's time is over" : "the agent was stopped"
                lost = try settle { () throws(StoreError) in try store.release(claim, reason: reason) }
            }
            leave(tracker, of: claim, lost, log: log)
        }
    }

    /// Gives a run back that only the disk has stopped, and waits a while: there may be room then.
    ///
    /// - Returns: Why the claim was no longer ours, if so.
    private func giveBackForRoom(_ claim: Claim, _ reason: String) throws(StoreError) -> LostLease? {
        Self.say("run \(claim.run) waits: \(reason)")
        let lost = try settle { () throws(StoreError) in try store.release(claim, reason: reason) }
        Self.wait(.seconds(Double.random(in: 5...15)))
        return lost
    }

    /// Leaves a run whose page is not ours to close, because it goes on elsewhere, unless it was cancelled.
    private func leave(_ tracker: RunTracker, of claim: Claim, _ lost: LostLease?, log: RunLog) {
        if lost?.status == .cancelled {
            deliveries.finish(tracker, of: claim, exitCode: 255, log: log)
        } else {
            deliveries.suspend(tracker, isPreempted: lost == nil && StopRequest.isMade, log: log)
        }
    }

    /// Writes how a claim ended.
    ///
    /// - Returns: Why the claim was no longer ours, if so: then the run's files and its W&B page are another attempt's.
    /// - Throws: `StoreError` if the state file is out of reach.
    private func settle(_ write: () throws(StoreError) -> Void) throws(StoreError) -> LostLease? {
        do throws(StoreError) {
            try persist(write)
            return nil
        } catch {
            guard case .lostLease(let lost) = error else { throw error }
            Self.say("\(error)")
            return lost
        }
    }

    private func plan(_ claim: Claim, folder: RunFolder) throws -> RunPlan {
        let spec = claim.spec
        let source = "the spec of run \(spec.run)"
        var plan = RunPlan(
            id: spec.run.rawValue, experiment: spec.experiment,
            config: try ExperimentConfig.load(yaml: spec.config, source: source),
            target: try spec.target.map { text throws(ConfigError) in
                try TargetConfig.load(yaml: text, source: source + " (target)")
            },
            targetFiles: spec.targetFiles,
            folder: folder, targets: options.targets, threads: options.threads,
            checkpointInterval: options.checkpointInterval)
        plan.uploadsCheckpoints = job.options.uploadsCheckpoints
        plan.uploadsModel = job.options.uploadsModel
        return plan
    }

    private static func summary(_ metrics: [String: Double]) -> String {
        Metric.headlines.compactMap { metric in
            metrics[metric.name].map { "\(metric.name) \(metric.text($0))" }
        }.joined(separator: "  ")
    }
}
