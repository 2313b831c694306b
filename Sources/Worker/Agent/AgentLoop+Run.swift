import Artifacts
import Experiments
import Foundation
import Metrics
import Runs
import Store
import WandB

/// A claim that is being run, with all that belongs to it.
private struct ClaimedRun {
    let held: HeldClaim
    let plan: RunPlan
    let tracker: RunTracker
    let log: RunLog

    var claim: Claim { held.claim }

    /// Says a line to people, here and on W&B.
    func say(_ line: String) {
        log.say(line)
        tracker.console(line)
    }
}

extension AgentLoop {
    /// Runs what a claim is for and writes how it ended.
    ///
    /// - Throws: `StoreError` if the state file is out of reach.
    func perform(_ held: HeldClaim) throws(StoreError) {
        guard let run = try prepare(held) else { return }
        run.say("\(run.claim.spec.experiment), attempt \(run.claim.attempt), in \(run.claim.folder.path)")
        defer { memory.leave(run.claim.run.rawValue) }
        let execution = RunExecution(run.plan, tracker: run.tracker, hooks: hooks(of: run))
        switch Result(catching: execution.perform) {
        case .success(let outcome): try conclude(run, with: outcome)
        case .failure(let error): try concludeFailure(of: run, error)
        }
    }

    /// Opens the run's log and its spool, and reads its spec.
    ///
    /// - Returns: The run; nil if it cannot begin, which is written then.
    private func prepare(_ held: HeldClaim) throws(StoreError) -> ClaimedRun? {
        let claim = held.claim
        do {
            let log = try RunLog(run: claim.run.rawValue, folder: claim.folder, isQuiet: options.isQuiet)
            let plan = try plan(claim, folder: claim.folder)
            let tracker = try tracker(of: held, plan: plan, log: log)
            comment?.follow(tracker)
            return ClaimedRun(held: held, plan: plan, tracker: tracker, log: log)
        } catch let error as FileError where error.isOutOfRoom {
            _ = try giveBackForRoom(claim, error.description)
        } catch {
            var status = RunStatus.pending
            _ = try record { () throws(StoreError) in
                status = try store.fail(claim, error: "\(error)", retry: !(error is ConfigError))
            }
            if status == .failed { failures.tell() }
        }
        return nil
    }

    private func hooks(of run: ClaimedRun) -> RunHooks {
        let held = run.held
        var hooks = RunHooks(
            shouldStop: { StopRequest.isMade || held.lost != nil }, ownership: { held.ownership },
            progress: { progress in
                held.note(progress)
                if let line = run.log.note(progress) { run.tracker.console(line) }
            }, say: { run.say($0) })
        hooks.admit = { bytes throws(RunError) in
            try memory.enter(run.claim.run.rawValue, needing: bytes, say: { run.say($0) }) {
                !StopRequest.isMade && held.lost == nil
            }
        }
        return hooks
    }

    /// Writes how a run ended.
    private func conclude(_ run: ClaimedRun, with outcome: RunOutcome) throws(StoreError) {
        switch outcome {
        case .finished(let metrics):
            run.say("done: " + Self.summary(metrics))
            let lost = try record { () throws(StoreError) in
                try store.complete(run.claim, metrics: metrics, isUnsent: run.tracker.keepsRows)
            }
            if lost == nil { removeCheckpoints(of: run) }
            close(run, exitCode: 0, unless: lost)
        case .stopped(let step):
            let reason = "stopped on its W&B page at step \(step)"
            run.say(reason)
            let lost = try record { () throws(StoreError) in try store.fail(run.claim, error: reason, retry: false) }
            close(run, exitCode: 255, unless: lost)
        case .interrupted(let step):
            if let lost = run.held.lost {
                run.log.say("stops at step \(step): \(StoreError.lostLease(lost))")
                return leave(run, lost)
            }
            run.log.say("interrupted at step \(step); its state is saved")
            let reason = StopRequest.kind == .timeLimit ? "the agent's time is over" : "the agent was stopped"
            leave(run, try record { () throws(StoreError) in try store.release(run.claim, reason: reason) })
        }
    }

    /// Writes that a run failed, or gives it back.
    private func concludeFailure(of run: ClaimedRun, _ error: RunError) throws(StoreError) {
        if case .outOfRoom(let reason) = error { return leave(run, try giveBackForRoom(run.claim, reason)) }
        run.say("failed: \(error)")
        var mayPass = false
        if case .failed = error { mayPass = true }
        var status = RunStatus.failed
        let lost = try record { () throws(StoreError) in
            status = try store.fail(run.claim, error: error.description, retry: mayPass)
        }
        guard status == .failed else { return leave(run, lost) }
        close(run, exitCode: 1, unless: lost)
        if lost == nil { failures.tell() }
    }

    private func removeCheckpoints(of run: ClaimedRun) {
        do {
            try RunExecution.removeCheckpoints(in: run.plan.folder)
        } catch {
            run.log.say("its checkpoints stay: \(error)")
        }
    }

    /// Gives a run back that only the disk has stopped, and waits a while: there may be room then.
    ///
    /// - Returns: Why the claim was no longer ours, if so.
    private func giveBackForRoom(_ claim: Claim, _ reason: String) throws(StoreError) -> LostLease? {
        Self.say("run \(claim.run) waits: \(reason)")
        let lost = try record { () throws(StoreError) in try store.release(claim, reason: reason) }
        Self.wait(.seconds(Double.random(in: 5...15)))
        return lost
    }

    /// Closes the page of a run that is over, unless the run goes on elsewhere.
    private func close(_ run: ClaimedRun, exitCode: Int32, unless lost: LostLease?) {
        if let lost { return leave(run, lost) }
        // An alert is in the name of a run that the server has.
        deliveries.finish(run.tracker, of: run.claim, exitCode: exitCode, log: run.log) {
            if exitCode == 1 { failures.alert(of: run.claim, log: run.log) }
        }
    }

    /// Leaves a run whose page is not ours to close, because it goes on elsewhere, unless it was cancelled.
    private func leave(_ run: ClaimedRun, _ lost: LostLease?) {
        if lost?.status == .cancelled {
            deliveries.finish(run.tracker, of: run.claim, exitCode: 255, log: run.log)
        } else {
            deliveries.suspend(run.tracker, isPreempted: lost == nil && StopRequest.isMade, log: run.log)
        }
    }

    /// Writes how a claim ended to the state file.
    ///
    /// - Returns: Why the claim was no longer ours, if so: then the run's files and its W&B page are another attempt's.
    /// - Throws: `StoreError` if the state file is out of reach.
    private func record(_ write: () throws(StoreError) -> Void) throws(StoreError) -> LostLease? {
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
        plan.observers = job.folder.observers
        return plan
    }

    static func summary(_ metrics: [String: Double]) -> String {
        Metric.headlines.compactMap { metric in
            metrics[metric.name].map { "\(metric.name) \(metric.text($0))" }
        }.joined(separator: "  ")
    }
}
