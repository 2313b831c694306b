import Experiments
import Foundation
import Runs
import Store
import WandB

/// An agent at work: claims a spec, runs it, settles it, until the job has none left.
struct AgentLoop {
    /// What holds for all of an agent's runs.
    struct Options {
        let threads: Int
        let checkpointInterval: Duration
        let lease: Duration
        let isQuiet: Bool
        let targets: TargetCache
        let tracking: WandBSettings
    }

    let store: Store
    let job: Job
    let agent: AgentID
    let options: Options
    private let deliveries = Deliveries()

    /// Works until no spec is left or a signal asks to stop, then waits for what is still on its way to W&B.
    ///
    /// - Throws: `StoreError` if the state file is out of reach.
    func run() throws {
        Self.say("agent \(agent) of job \(job.id): \(options.threads) thread\(options.threads == 1 ? "" : "s") per run")
        defer { deliveries.wait() }
        do {
            while !StopRequest.isMade {
                if let claim = try store.claimNext(of: job.id, by: agent, lease: options.lease) {
                    try perform(claim)
                } else if try store.openWork(of: job.id).isNone {
                    try store.agentEnded(agent, reason: "no spec is left")
                    return
                } else {
                    // Others hold what is left; should one fall silent, its spec becomes ours.
                    try store.heartbeat(of: agent)
                    wait(.seconds(2))
                }
            }
            try store.agentEnded(agent, reason: "stopped by a signal")
        } catch {
            try? store.agentEnded(agent, reason: "\(error)")
            throw error
        }
    }

    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    /// Waits, but not longer than until a signal.
    private func wait(_ duration: Duration) {
        let end = ContinuousClock.now + duration
        while .now < end, !StopRequest.isMade { Thread.sleep(forTimeInterval: 0.1) }
    }

    private func perform(_ claim: Claim) throws {
        let folder = RunFolder(path: claim.folder)
        let keeper = ClaimKeeper(store: store, claim: claim, lease: options.lease)
        keeper.start()
        defer { keeper.stop() }
        let log: RunLog
        let plan: RunPlan
        let tracker: RunTracker
        do {
            log = try RunLog(run: claim.run.rawValue, folder: folder, isQuiet: options.isQuiet)
            plan = try self.plan(claim, folder: folder)
            tracker = try self.tracker(of: claim, plan: plan, log: log, keeper: keeper)
        } catch {
            try settle { try store.fail(claim, error: "\(error)", retry: !(error is ConfigError)) }
            return
        }
        log.say("\(claim.spec.experiment), attempt \(claim.attempt), in \(folder.path)")
        let say = { @Sendable (line: String) in
            log.say(line)
            tracker.console(line)
        }
        let surroundings = RunSurroundings(
            shouldStop: { StopRequest.isMade || keeper.lost != nil }, ownership: { keeper.ownership },
            progress: { progress in
                keeper.note(progress)
                log.note(progress)
            }, say: say)
        do {
            let outcome = try Runs.Run(plan, tracker: tracker, surroundings: surroundings).perform()
            try settle(outcome, of: claim, plan: plan, keeper: keeper, tracker: tracker, log: log)
        } catch let error as RunError {
            say("failed: \(error)")
            var mayPass = false
            if case .failed = error { mayPass = true }
            var status = RunStatus.failed
            let lost = try settle { status = try store.fail(claim, error: error.description, retry: mayPass) }
            if lost == nil, status != .pending {
                deliveries.finish(tracker, exitCode: 1, log: log)
            } else {
                leave(tracker, lost, log: log)
            }
        }
    }

    private func settle(
        _ outcome: RunOutcome, of claim: Claim, plan: RunPlan, keeper: ClaimKeeper, tracker: RunTracker,
        log: RunLog
    ) throws {
        switch outcome {
        case .finished(let metrics):
            log.say("done: " + Self.summary(metrics))
            if let lost = try settle({ try store.complete(claim, metrics: metrics) }) {
                leave(tracker, lost, log: log)
                return
            }
            do {
                try Runs.Run.removeCheckpoints(in: plan.folder)
            } catch {
                log.say("its checkpoints stay: \(error)")
            }
            deliveries.finish(tracker, exitCode: 0, log: log)
        case .stopped(let step):
            let reason = "stopped on its W&B page at step \(step)"
            log.say(reason)
            if let lost = try settle({ try store.fail(claim, error: reason, retry: false) }) {
                leave(tracker, lost, log: log)
            } else {
                deliveries.finish(tracker, exitCode: 255, log: log)
            }
        case .interrupted(let step):
            var lost = keeper.lost
            if let lost {
                log.say("stops at step \(step): \(lost)")
            } else {
                log.say("interrupted at step \(step); its state is saved")
                lost = try settle { try store.release(claim, reason: "the agent was stopped") }
            }
            leave(tracker, lost, log: log)
        }
    }

    /// Leaves a run whose page is not ours to close, because it goes on elsewhere, unless it was cancelled.
    private func leave(_ tracker: RunTracker, _ lost: StoreError?, log: RunLog) {
        if case .lostLease(let lost) = lost, lost.status == .cancelled {
            deliveries.finish(tracker, exitCode: 255, log: log)
        } else {
            deliveries.suspend(tracker, log: log)
        }
    }

    /// Writes how a claim ended.
    ///
    /// - Returns: Why the claim was no longer ours, if so: then the run's files and its W&B page are another attempt's.
    /// - Throws: `StoreError` if the state file is out of reach.
    @discardableResult
    private func settle(_ write: () throws -> Void) throws -> StoreError? {
        do {
            try write()
            return nil
        } catch let error as StoreError {
            guard case .lostLease = error else { throw error }
            Self.say("\(error)")
            return error
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
        return plan
    }

    private static func summary(_ metrics: [String: Double]) -> String {
        ["loss/total", "mmcs", "ml2r"].compactMap { name in
            metrics[name].map { "\(name) \(String(format: "%.4g", $0))" }
        }.joined(separator: "  ")
    }
}
