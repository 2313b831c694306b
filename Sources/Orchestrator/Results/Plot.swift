import ArgumentParser
import Foundation
import Orchestration
import Store

/// Draws figures of a finished run, or of published weights, without training.
struct Plot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw figures of a run, or of published weights, without training.",
        discussion: """
            EXAMPLES
              orchestrator plot k3j9 --list
              orchestrator plot k3j9 --out figures --format svg,pdf
              orchestrator plot k3j9 --figure tms_vectors
              orchestrator plot published/model_20000.pth --out figures

            Each figure has the numbers that it shows beside it, as <name>.safetensors. What a run drew while it was
            trained is unpacked by `orchestrator show RUN --extract DIR`.
            """)

    @Argument(
        help: ArgumentHelp("A run's name or its beginning, or weights (a file or a folder).", valueName: "run"),
        completion: CompletionWords.runs)
    var name: String

    @Option(help: ArgumentHelp("Which figure; may be repeated (default: all).", valueName: "name"))
    var figure: [String] = []

    @Option(help: ArgumentHelp("png, svg, pdf, or several with commas between.", valueName: "formats"))
    var format = "png"

    @Option(help: ArgumentHelp("The folder to draw into.", valueName: "folder"))
    var out = "figures"

    @Flag(help: "List the figures that there are for this kind of run, and draw nothing.")
    var list = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let formats = format.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
        for format in formats where !["png", "svg", "pdf"].contains(format) {
            throw ValidationError("--format '\(format)': expected png, svg or pdf")
        }
        guard !formats.isEmpty else { throw ValidationError("--format: expected png, svg or pdf") }
        let said = try await failing {
            let weights = try await RunWeights(named: name, in: await OpenStore.open(for: .looking))
            return try list
                ? weights.figures(environment: environment)
                : weights.plot(figures: figure, formats: formats, into: out, environment: environment)
        }
        print(said, terminator: "")
    }
}
