import ArgumentParser
import Experiments
import Foundation
import Jobs
import Layout
import Runs

extension Worker {
    /// Runs observers once on dummy tensors, for `orchestrator submit`.
    struct TryObservers: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "try-observers",
            abstract: "Run a config's observers once on dummy tensors of its shapes.",
            discussion:
                #"Prints a line for each: {"observer": "x", "seconds": 0.1, "metrics": ["y"]} or {…, "error": "…"}."#,
            shouldDisplay: false)

        @Option(help: ArgumentHelp("The folder with copies of observers, by digest.", valueName: "folder"))
        var observers: String

        @Argument(help: #"{"config": "…", "target": "…"}, both JSON texts."#)
        var question: String

        func run() throws {
            let spec = try StoredSpec(WorkerQuestion.Spec(parsing: question))
            let cache = try CacheFolder(environment: ProcessInfo.processInfo.environment)
            let trial = try ObserverTrial(spec.config, target: spec.target, observers: observers, cache: cache)
            for result in try trial.run() {
                print(
                    try WorkerAnswer.line(
                        WorkerAnswer.ObserverTrial(
                            observer: result.observer, seconds: result.seconds, metrics: result.metrics,
                            error: result.trouble)))
            }
        }
    }
}
