import ArgumentParser
import Foundation
import Hub
import Layout
import Runs

extension Worker {
    /// Runs a language model over given tokens.
    struct Forward: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "forward",
            abstract: "Run a language model over given tokens.",
            discussion: """
                Takes a model's folder as on the Hugging Face hub (config.json and weights), or the name of a model
                that the hub's tools or `orchestrator submit` have downloaded. Writes `logits` (rows, length, vocabulary).

                EXAMPLE
                  worker forward SimpleStories/SimpleStories-1.25M --tokens tokens.safetensors --out logits.safetensors
                """)

        @Argument(help: ArgumentHelp("The model's folder or name.", valueName: "folder-or-name"))
        var model: String

        @Option(help: ArgumentHelp("A safetensors file with `tokens`, int64 (rows, length).", valueName: "file"))
        var tokens: String

        @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
        var out: String

        @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "count"))
        var threads: Int?

        mutating func run() throws {
            let environment = ProcessInfo.processInfo.environment
            let hub = Hub(
                settings: HubSettings(environment: environment), cache: try CacheFolder(environment: environment).hub)
            guard let found = try hub.localModel(model) else {
                throw RunError.invalid("\(model): no such folder, and no model of that name in a cache")
            }
            let pass = try ForwardPass(
                folder: found.folder, tokens: tokens, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount,
                warn: { FileHandle.standardError.write(Data("worker: warning: \($0)\n".utf8)) })
            try pass.write(to: out)
        }
    }
}
