import ArgumentParser
import Artifacts
import Downloads
import Experiments
import Foundation
import Jobs
import Layout
import Runs
import Store
import WandB

extension Worker {
    /// Trains one spec in the foreground, for `orchestrator run`.
    struct RunAlone: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "run-alone",
            abstract: "Train one spec in the foreground, without a job.",
            discussion: """
                SIGTERM or SIGINT: saves the state and exits with 130; the same command resumes from there.
                """,
            shouldDisplay: false)

        @Argument(help: "A JSON file with the spec, as `orchestrator run` writes it.")
        var spec: String

        @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "count"))
        var threads: Int?

        @Flag(help: "Log the run to W&B as agents do.")
        var wandb = false

        func validate() throws {
            if let threads, threads < 1 { throw ValidationError("--threads is \(threads); it takes 1 or more") }
        }

        func run() throws {
            StopRequest.listen()
            let environment = ProcessInfo.processInfo.environment
            let spec: WorkerQuestion.TrialSpec = try WorkerQuestion.read(self.spec)
            let folder = RunFolder(path: spec.folder)
            guard let lock = try FileLock(path: folder.lock) else {
                throw RunError.invalid("\(spec.folder) is being trained by another process")
            }
            defer { lock.release() }
            let plan = try plan(spec, folder, environment)
            let log = try RunLog(run: spec.run, folder: folder, isQuiet: false)
            log.say("\(spec.experiment), in \(folder.path)")
            let tracker = try tracker(spec, plan, log, environment)
            var hooks = RunHooks(
                shouldStop: { StopRequest.isMade },
                progress: { if let line = log.note($0) { tracker.console(line) } },
                say: {
                    log.say($0)
                    tracker.console($0)
                })
            hooks.training = { if let line = log.note($0, ofTarget: true) { tracker.console(line) } }
            hooks.admit = { bytes throws(RunError) in
                try MemoryGate(threads: plan.threads).enter(spec.run, needing: bytes, say: { log.say("waits: \($0)") })
                {
                    !StopRequest.isMade
                }
            }
            try conclude(
                Result { try RunExecution(plan, tracker: tracker, hooks: hooks).perform() }, plan, tracker, log)
            try log.checkOutput()
        }

        private func plan(_ spec: WorkerQuestion.TrialSpec, _ folder: RunFolder, _ environment: [String: String]) throws
            -> RunPlan
        {
            let cache = try CacheFolder(environment: environment)
            let downloads = TargetDownloads(folder: cache.runs, settings: WandBSettings())
            let stored = try StoredSpec(config: spec.config, target: spec.target, source: "the spec")
            var plan = RunPlan(
                id: spec.run, experiment: spec.experiment, config: stored.config, target: stored.target,
                targetFiles: spec.targetFiles, folder: folder,
                targets: TargetCache(folder: cache.targets, downloads: downloads),
                threads: threads ?? ProcessInfo.processInfo.activeProcessorCount,
                checkpointInterval: .seconds(60))
            plan.observers = folder.observers
            return plan
        }

        private func tracker(
            _ spec: WorkerQuestion.TrialSpec, _ plan: RunPlan, _ log: RunLog, _ environment: [String: String]
        ) throws -> RunTracker {
            var settings = WandBSettings()
            settings.mode = .disabled
            if wandb {
                settings = try WandBSettings.read(
                    environment: environment, workingDirectory: FileManager.default.currentDirectoryPath,
                    homeDirectory: environment["HOME"])
            }
            let description = try RunDescription(
                id: spec.run, entity: settings.entity, project: settings.project ?? plan.config.wandbProject ?? "spd",
                displayName: settings.name ?? plan.config.runName(target: plan.target), config: spec.config,
                tags: [plan.config.taskConfig.kind.tag, plan.experiment, "trial"] + settings.tags,
                group: settings.group, jobType: settings.jobType, notes: settings.notes,
                host: AgentIdentity.thisHost, program: "worker", commit: nil, repository: nil)
            return RunTracker(
                run: description, folder: plan.folder.spool, settings: settings, notify: { log.say($0) })
        }

        /// Says how it ended, as does the exit code.
        private func conclude(
            _ outcome: Result<RunOutcome, any Error>, _ plan: RunPlan, _ tracker: RunTracker, _ log: RunLog
        ) throws {
            func finish(_ code: Int32) {
                let delivery = tracker.finish(exitCode: code) { StopRequest.isMade }
                if wandb { log.say(delivery.description) }
            }
            switch outcome {
            case .success(.finished(let metrics)):
                log.say("done: " + AgentLoop.summary(metrics))
                try RunExecution.removeCheckpoints(in: plan.folder)
                finish(0)
            case .success(.interrupted(let step)):
                log.say(RunOutcome.interruption(at: step))
                _ = tracker.suspend(isPreempted: true)
                throw ExitCode(130)
            case .success(.outdone(_, let reason, _)):
                log.say(reason)
                finish(255)
            case .success(.stopped(let step)):
                log.say("stopped on its W&B page at step \(step)")
                finish(255)
                throw ExitCode(1)
            case .failure(let error):
                log.say("failed: \(error)")
                finish(1)
                // It has been said.
                if case RunError.invalid = error { throw ExitCode(2) }
                throw ExitCode(1)
            }
        }
    }
}
