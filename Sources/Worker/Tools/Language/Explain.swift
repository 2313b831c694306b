import ArgumentParser
import Experiments
import Foundation
import Jobs
import Layout
import Runs

extension Worker {
    /// Says which subcomponents of a language model matter at which tokens, for `orchestrator ui`.
    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "explain",
            abstract: "Say which subcomponents matter at which tokens of a text; as JSON.",
            discussion: """
                Called by `orchestrator ui`. Trains, downloads and tokenizes nothing.
                """,
            shouldDisplay: false)

        @Argument(help: "A JSON file with the run's spec, its weights and the text, as `orchestrator ui` writes it.")
        var question: String

        @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "count"))
        var threads: Int?

        func run() throws {
            let question: WorkerQuestion.Explanation = try WorkerQuestion.read(self.question)
            let text =
                question.text.map(LanguageExplanation.Text.typed)
                ?? .rows(first: max(0, question.first ?? 0), count: max(1, question.count ?? 1))
            let stored = try StoredSpec(config: question.config, target: question.target, source: "the spec")
            let explanation = try LanguageExplanation(
                stored.config, target: stored.target, targetFiles: question.targetFiles, weights: question.weights,
                text: text,
                cache: CacheFolder(environment: ProcessInfo.processInfo.environment),
                threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
            print(try explanation.json(of: text))
        }
    }
}
