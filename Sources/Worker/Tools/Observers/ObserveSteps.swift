import ArgumentParser
import Artifacts
import Downloads
import Experiments
import Foundation
import Layout
import Runs
import WandB

extension Worker {
    /// Asks observers about a finished run, for `orchestrator observe`.
    struct ObserveSteps: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "observe-steps",
            abstract: "Ask a run's observers about the steps whose weights were kept.",
            shouldDisplay: false)

        @Argument(help: "A JSON file with the run, as `orchestrator observe` writes it.")
        var question: String

        /// What `orchestrator observe` writes.
        struct Question: Decodable {
            let run: String
            let experiment: String
            let config: String
            let target: String?
            let targetFiles: String?
            /// The run's folder.
            let folder: String
            /// Where observers work.
            let out: String
            /// Where their copies are.
            let observers: String
            let steps: [Int]
        }

        func run() throws {
            StopRequest.listen()
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let question = try decoder.decode(
                Question.self, from: Data(try DurableFile.read(self.question, limit: 1 << 24)))
            let cache = try CacheFolder(environment: ProcessInfo.processInfo.environment)
            let downloads = TargetDownloads(folder: cache.runs, settings: WandBSettings())
            var plan = RunPlan(
                id: question.run, experiment: question.experiment,
                config: try ExperimentConfig.load(yaml: question.config, source: "the run's config"),
                target: try question.target.map { text throws(ConfigError) in
                    try TargetConfig.load(yaml: text, source: "the run's target")
                },
                targetFiles: question.targetFiles, folder: RunFolder(path: question.out),
                targets: TargetCache(folder: cache.targets, downloads: downloads),
                threads: ProcessInfo.processInfo.activeProcessorCount, checkpointInterval: .seconds(60))
            plan.observers = question.observers
            let hooks = RunHooks(
                shouldStop: { StopRequest.isMade }, progress: { _ in },
                say: { StandardStreams.writeError("\($0)\n") })
            try Afterwards(plan, weights: RunFolder(path: question.folder), hooks: hooks).look(at: question.steps) {
                print($0)
                try StandardStreams.flush()
            }
            if StopRequest.isMade { throw ExitCode(130) }
        }
    }
}
