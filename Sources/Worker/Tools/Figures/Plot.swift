import ArgumentParser
import Experiments
import Figures
import Foundation
import Runs

extension Worker {
    /// Draws figures from what runs have left.
    struct Plot: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "plot",
            abstract: "Draw figures of finished runs, without training.",
            discussion: """
                Called by `orchestrator plot`. Takes a run's folder, weights (.safetensors or .pth) or a set of figures
                (figures_<step>.zip); or a query, a JSON object with `path` and, if known, `name`, `value`
                and `target`.

                EXAMPLE
                  worker plot runs/k3j9x2ab --out figures --format svg
                """)

        @Argument(help: ArgumentHelp("A run's folder, weights, figures, or a query.", valueName: "source"))
        var source: String

        @Option(
            help: ArgumentHelp(
                "The folder to draw into; without it, list the figures' names.", valueName: "folder"))
        var out: String?

        @Option(help: ArgumentHelp("Which figure; repeatable (default: all).", valueName: "name"))
        var figure: [String] = []

        @Option(help: ArgumentHelp("The step to draw (default: the last).", valueName: "step"))
        var step: Int?

        @Option(help: "png, svg or pdf; repeatable.")
        var format: [FigureFormat] = [.png]

        @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "count"))
        var threads: Int?

        mutating func run() throws {
            let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
            let all = try FigureSource(source).figures(step: step, threads: threads)
            let chosen = try figure.isEmpty ? all : figure.map { try Self.named($0, all) }
            guard let out else {
                for figure in chosen { print("\(figure.name)\t\(figure.title)") }
                return
            }
            for file in try FigureWriter().write(chosen, as: format, into: out) { print(file) }
        }

        private static func named(_ name: String, _ all: [Figure]) throws(RunError) -> Figure {
            if let found = all.first(where: { $0.name == name }) { return found }
            let names = all.map(\.name)
            let advice = Spelling.nearest(to: name, among: names).map { "did you mean '\($0)'?" }
            throw .invalid("no figure '\(name)' here; \(advice ?? "there are \(names.joined(separator: ", "))")")
        }
    }
}
