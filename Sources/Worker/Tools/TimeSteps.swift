import ArgumentParser
import Downloads
import Experiments
import Foundation
import JSON
import Runs
import Layout
import WandB

extension Worker {
    /// Times the steps of a given config for `orchestrator submit --dry-run`.
    struct TimeSteps: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "time-steps",
            abstract: "Time the steps of a config.",
            discussion:
                #"Prints {"seconds_per_step": 0.001, "seconds_per_figures": 0.2, "seconds_per_run": 0.03} or {"error": "…"}."#,
            shouldDisplay: false)

        @Argument(help: #"{"config": "…", "target": "…"}, both JSON texts as the state file holds them."#)
        var question: String

        @Option(help: ArgumentHelp("Threads per step.", valueName: "count"))
        var threads = 1

        @Option(help: ArgumentHelp("How long to time it, in ms.", valueName: "ms"))
        var milliseconds = 500

        private static func cache() throws -> TargetCache {
            let folder = try CacheFolder(environment: ProcessInfo.processInfo.environment)
            return TargetCache(
                folder: folder.targets, downloads: TargetDownloads(folder: folder.runs, settings: WandBSettings()))
        }

        private struct Question: Decodable {
            let config: String
            let target: String?
        }

        private struct Answer: Encodable {
            var secondsPerStep: Double?
            var secondsPerFigures: Double?
            var secondsPerRun: Double?
            var error: String?
        }

        func validate() throws {
            guard threads > 0, milliseconds > 0 else {
                throw ValidationError("--threads and --milliseconds must be at least 1")
            }
        }

        func run() throws {
            print(try JSONText.line(answer))
        }

        private var answer: Answer {
            do {
                let question = try JSONDecoder().decode(Question.self, from: Data(question.utf8))
                let config = try ExperimentConfig.load(yaml: question.config, source: "config")
                let target = try question.target.map { try TargetConfig.load(yaml: $0, source: "target") }
                let timing = try RunTiming.measure(
                    config, target: target, cache: try Self.cache(), threads: threads,
                    within: .milliseconds(milliseconds))
                return Answer(
                    secondsPerStep: timing.secondsPerStep, secondsPerFigures: timing.secondsPerFigures,
                    secondsPerRun: timing.secondsPerRun)
            } catch {
                return Answer(error: "\(error)")
            }
        }
    }
}
