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
    /// The value by which its sweep compares it with others, if any.
    let comparison: RunComparison?

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
    /// - Returns: What is to be run next, if that was claimed with it.
    /// - Throws: `StoreError` if the state file is out of reach.
    func perform(_ held: HeldClaim) throws(StoreError) -> HeldClaim? {
        defer { keeper.drop(held) }
        let run: ClaimedRun
        switch try prepare(held) {
        case .ready(let it): run = it
        case .settled(let next): return next
        }
        run.say("\(run.claim.spec.experiment), attempt \(run.claim.attempt), in \(run.claim.folder.path)")
        defer { memory.leave(run.claim.run.rawValue) }
        let execution = RunExecution(run.plan, tracker: run.tracker, hooks: hooks(of: run))
        switch Result(catching: execution.perform) {
        case .success(let outcome): return try conclude(run, with: outcome)
        case .failure(let error): return try concludeFailure(of: run, error)
        }
    }

    /// What became of a claim before its run began.
    private enum Preparation {
        case ready(ClaimedRun)
        /// It cannot begin, which is written; with what was claimed instead.
        case settled(next: HeldClaim?)
    }

    /// Opens the run's log and its spool, and reads its spec.
    private func prepare(_ held: HeldClaim) throws(StoreError) -> Preparation {
        let claim = held.claim
        do {
            let log = try RunLog(run: claim.run.rawValue, folder: claim.folder, isQuiet: options.isQuiet)
            let plan = try plan(claim, folder: claim.folder)
            let tracker = try tracker(of: held, plan: plan, log: log)
            comment?.follow(tracker)
            let comparison = try RunComparison(held, store: store)
            return .ready(ClaimedRun(held: held, plan: plan, tracker: tracker, log: log, comparison: comparison))
        } catch let error as FileError where error.isOutOfRoom {
            _ = try giveBackForRoom(held, error.description)
            return .settled(next: nil)
        } catch {
            let settled = try settle(held, as: .failed("\(error)", retry: !(error is ConfigError)))
            if settled.status == .failed { failures.tell() }
            return .settled(next: settled.next)
        }
    }

    private func hooks(of run: ClaimedRun) -> RunHooks {
        let held = run.held
        var hooks = RunHooks(
            shouldStop: { StopRequest.isMade || held.lost != nil }, ownership: { held.ownership },
            progress: { progress in
                held.note(progress)
                if let line = run.log.note(progress) { run.tracker.console(line) }
            }, say: { run.say($0) })
        hooks.training = { if let line = run.log.note($0, ofTarget: true) { run.tracker.console(line) } }
        if let comparison = run.comparison {
            hooks.logged = { comparison.note($0) }
            hooks.outdone = { comparison.verdict }
        }
        hooks.admit = { bytes throws(RunError) in
            var waits = false
            defer { if waits { note(waitingFor: nil, run) } }
            return try memory.enter(
                run.claim.run.rawValue, needing: bytes,
                say: { obstacle in
                    run.say("waits: \(obstacle)")
                    note(waitingFor: obstacle, run)
                    waits = true
                }, goesOn: { !StopRequest.isMade && held.lost == nil })
        }
        return hooks
    }

    /// Lets `status` and `why` show what a run waits for before it starts.
    private func note(waitingFor obstacle: String?, _ run: ClaimedRun) {
        do throws(StoreError) { try store.note(waitingFor: obstacle, run.claim) } catch {
            run.say("status cannot show what it waits for: \(error)")
        }
    }

    /// Writes how a run ended; returns what is next.
    private func conclude(_ run: ClaimedRun, with outcome: RunOutcome) throws(StoreError) -> HeldClaim? {
        switch outcome {
        case .finished(let metrics):
            run.say("done: " + Self.summary(metrics))
            let settled = try settle(run.held, as: .done(metrics: metrics, isUnsent: run.tracker.keepsRows))
            if settled.lost == nil { removeCheckpoints(of: run) }
            close(run, exitCode: 0, unless: settled.lost)
            return settled.next
        case .stopped(let step):
            let reason = "stopped on its W&B page at step \(step)"
            run.say(reason)
            let settled = try settle(run.held, as: .failed(reason, retry: false))
            close(run, exitCode: 255, unless: settled.lost)
            return settled.next
        case .outdone(let step, let reason, let metrics):
            run.say(reason)
            let settled = try settle(
                run.held, as: .stopped(reason, step: step, metrics: metrics, isUnsent: run.tracker.keepsRows))
            if settled.lost == nil { removeCheckpoints(of: run) }
            close(run, exitCode: 255, unless: settled.lost)
            return settled.next
        case .interrupted(let step):
            if let lost = run.held.lost {
                run.log.say("stops at step \(step): \(StoreError.lostLease(lost))")
                leave(run, lost)
                return nil
            }
            run.log.say(RunOutcome.interruption(at: step))
            let reason = StopRequest.kind == .timeLimit ? "the agent's time is over" : "the agent was stopped"
            leave(run, try settle(run.held, as: .released(reason), mayClaim: false).lost)
            return nil
        }
    }

    /// Writes that a run failed, or gives it back; returns what is next.
    private func concludeFailure(of run: ClaimedRun, _ error: RunError) throws(StoreError) -> HeldClaim? {
        if case .outOfRoom(let reason) = error {
            leave(run, try giveBackForRoom(run.held, reason))
            return nil
        }
        run.say("failed: \(error)")
        var mayPass = false
        if case .failed = error { mayPass = true }
        let settled = try settle(run.held, as: .failed(error.description, retry: mayPass))
        if settled.status == .pending {
            leave(run, settled.lost)
        } else {
            close(run, exitCode: 1, unless: settled.lost)
            if settled.lost == nil { failures.tell() }
        }
        return settled.next
    }

    private func removeCheckpoints(of run: ClaimedRun) {
        do {
            try RunExecution.removeCheckpoints(in: run.plan.folder)
        } catch {
            run.log.say("its checkpoints stay: \(error)")
        }
    }

    /// Gives back a run that only the disk has stopped, and waits a while: there may be space then.
    ///
    /// - Returns: Why the claim was no longer ours, if so.
    private func giveBackForRoom(_ held: HeldClaim, _ reason: String) throws(StoreError) -> LostLease? {
        Self.say("run \(held.claim.run) waits: \(reason)")
        let lost = try settle(held, as: .hindered(reason), mayClaim: false).lost
        keeper.drop(held)
        Self.wait(.seconds(Double.random(in: 5...15)))
        return lost
    }

    /// Closes the page of a run that is over, unless the run continues elsewhere.
    private func close(_ run: ClaimedRun, exitCode: Int32, unless lost: LostLease?) {
        if let lost { return leave(run, lost) }
        // An alert is in the name of a run that the server has.
        deliveries.finish(run.tracker, of: run.claim, exitCode: exitCode, log: run.log) {
            if exitCode == 1 { failures.alert(of: run.claim, log: run.log) }
        }
    }

    /// Leaves a run whose page is not ours to close, because it continues elsewhere, unless it was cancelled.
    private func leave(_ run: ClaimedRun, _ lost: LostLease?) {
        if lost?.status == .cancelled {
            deliveries.finish(run.tracker, of: run.claim, exitCode: 255, log: run.log)
        } else {
            deliveries.suspend(run.tracker, isPreempted: lost == nil && StopRequest.isMade, log: run.log)
        }
    }

    /// What the state file says once a claim has ended.
    private struct Settled {
        /// Where the run stands; `nil` if the claim was no longer ours.
        var status: RunStatus?
        /// What to run next.
        var next: HeldClaim?
        /// Why the claim was no longer ours, if so: then the run's files and its W&B page are another attempt's.
        var lost: LostLease?
    }

    /// Writes how a claim ended to the state file, and claims what comes next unless this agent is to end.
    ///
    /// - Throws: `StoreError` if the state file is out of reach.
    private func settle(
        _ held: HeldClaim, as settlement: Settlement, mayClaim: Bool = true
    ) throws(StoreError) -> Settled {
        do throws(StoreError) {
            let (status, next) = try persist { () throws(StoreError) in
                try keeper.settle(held, as: settlement, mayClaim: mayClaim && wantsAnother)
            }
            return Settled(status: status, next: next)
        } catch {
            guard case .lostLease(let lost) = error else { throw error }
            Self.say("\(error)")
            return Settled(lost: lost)
        }
    }

    private func plan(_ claim: Claim, folder: RunFolder) throws -> RunPlan {
        let spec = claim.spec
        let stored = try StoredSpec(spec)
        var plan = RunPlan(
            id: spec.run.rawValue, experiment: spec.experiment, config: stored.config, target: stored.target,
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
