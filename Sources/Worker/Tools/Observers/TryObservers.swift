import ArgumentParser
import Experiments
import Foundation
import JSON
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

        private struct Question: Decodable {
            let config: String
            let target: String?
        }

        private struct Answer: Encodable {
            let observer: String
            let seconds: Double
            let metrics: [String]
            let error: String?
        }

        func run() throws {
            let question = try JSONDecoder().decode(Question.self, from: Data(question.utf8))
            let config = try ExperimentConfig.load(yaml: question.config, source: "config")
            let target = try question.target.map { try TargetConfig.load(yaml: $0, source: "target") }
            let cache = try CacheFolder(environment: ProcessInfo.processInfo.environment)
            let trial = try ObserverTrial(config, target: target, observers: observers, cache: cache)
            for result in try trial.run() {
                print(
                    try JSONText.line(
                        Answer(
                            observer: result.observer, seconds: result.seconds, metrics: result.metrics,
                            error: result.trouble)))
            }
        }
    }
}
