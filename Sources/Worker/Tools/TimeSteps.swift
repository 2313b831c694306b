import ArgumentParser
import Downloads
import Experiments
import Foundation
import Jobs
import Layout
import Runs
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

        func validate() throws {
            guard threads > 0, milliseconds > 0 else {
                throw ValidationError("--threads and --milliseconds must be at least 1")
            }
        }

        func run() throws {
            print(try WorkerAnswer.line(answer))
        }

        private var answer: WorkerAnswer.Timing {
            do {
                let spec = try StoredSpec(WorkerQuestion.Spec(parsing: question))
                let timing = try RunTiming.measure(
                    spec.config, target: spec.target, cache: try Self.cache(), threads: threads,
                    within: .milliseconds(milliseconds))
                return .init(
                    secondsPerStep: timing.secondsPerStep, secondsPerFigures: timing.secondsPerFigures,
                    secondsPerRun: timing.secondsPerRun)
            } catch {
                return .init(error: "\(error)")
            }
        }
    }
}
