import ArgumentParser
import Artifacts
import Experiments
import Foundation
import Layout
import Runs

extension Worker {
    /// Says which subcomponents of a language model matter at which tokens, for `orchestrator ui`.
    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say which subcomponents matter at which tokens of a text; as JSON.",
            discussion: """
                `orchestrator ui` asks it. Nothing is trained, downloaded or encoded.
                """,
            shouldDisplay: false)

        @Argument(help: "A JSON file with the run's spec, its weights and the text, as `orchestrator ui` writes it.")
        var question: String

        @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "count"))
        var threads: Int?

        /// What is asked: texts are JSON, as in the state file.
        private struct Question: Decodable {
            let config: String
            let target: String?
            let targetFiles: String?
            let weights: String
            /// What somebody has typed; nil for rows of the run's split.
            let text: String?
            let first: Int?
            let count: Int?
        }

        func run() throws {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let question = try decoder.decode(
                Question.self, from: Data(try DurableFile.read(self.question, limit: 1 << 24)))
            let text =
                question.text.map(LanguageExplanation.Text.typed)
                ?? .rows(first: max(0, question.first ?? 0), count: max(1, question.count ?? 1))
            let explanation = try LanguageExplanation(
                ExperimentConfig.load(yaml: question.config, source: "the spec"),
                target: try question.target.map { try TargetConfig.load(yaml: $0, source: "the spec (target)") },
                targetFiles: question.targetFiles, weights: question.weights, text: text,
                cache: CacheFolder(environment: ProcessInfo.processInfo.environment),
                threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
            print(try explanation.json(of: text))
        }
    }
}
