import ArgumentParser
import Artifacts
import Downloads
import Experiments
import Foundation
import Jobs
import Layout
import Runs
import WandB

extension Worker {
    /// Asks observers about a finished run, for `orchestrator observe`.
    struct ObserveSteps: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "observe-steps",
            abstract: "Ask a run's observers about the steps with saved weights.",
            shouldDisplay: false)

        @Argument(help: "A JSON file with the run, as `orchestrator observe` writes it.")
        var question: String

        func run() throws {
            StopRequest.listen()
            let question: WorkerQuestion.Observation = try WorkerQuestion.read(self.question)
            let run = question.run
            let cache = try CacheFolder(environment: ProcessInfo.processInfo.environment)
            let downloads = TargetDownloads(folder: cache.runs, settings: WandBSettings())
            let stored = try StoredSpec(config: run.config, target: run.target, source: "the run's spec")
            var plan = RunPlan(
                id: run.run, experiment: run.experiment, config: stored.config, target: stored.target,
                targetFiles: run.targetFiles, folder: RunFolder(path: question.out),
                targets: TargetCache(folder: cache.targets, downloads: downloads),
                threads: ProcessInfo.processInfo.activeProcessorCount, checkpointInterval: .seconds(60))
            plan.observers = question.observers
            let hooks = RunHooks(
                shouldStop: { StopRequest.isMade }, progress: { _ in },
                say: { StandardStreams.writeError("\($0)\n") })
            try Afterwards(plan, weights: RunFolder(path: run.folder), hooks: hooks).look(at: question.steps) {
                print($0)
                try StandardStreams.flush()
            }
            if StopRequest.isMade { throw ExitCode(130) }
        }
    }
}
