import ArgumentParser
import Experiments
import Figures
import Runs

extension Worker {
    /// Draws the figures that a decomposition's weights are enough for.
    struct PlotWeights: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "plot-weights",
            abstract: "Draw the figures that a decomposition's weights are enough for.",
            discussion: """
                `orchestrator plot` asks it.

                EXAMPLE
                  worker plot-weights runs/k3j9x2ab/model_20000.safetensors --out figures --format svg
                """)

        @Argument(help: ArgumentHelp("A run's weights (.safetensors or .pth).", valueName: "weights"))
        var path: String

        @Option(
            help: ArgumentHelp(
                "The folder to draw into; without it, the figures' names are listed.", valueName: "folder"))
        var out: String?

        @Option(help: ArgumentHelp("Which figure; may be repeated (default: all).", valueName: "name"))
        var figure: [String] = []

        @Option(
            help: "png, svg or pdf; may be repeated.",
            transform: { name in
                guard let format = FigureFormat(rawValue: name) else {
                    throw ValidationError("'\(name)': expected png, svg or pdf")
                }
                return format
            })
        var format: [FigureFormat] = [.png]

        @Option(help: ArgumentHelp("What stands in each figure's corner.", valueName: "text"))
        var corner = ""

        mutating func run() throws {
            let all = try WeightsFigures(PublishedWeights(path: path), corner: corner).all
            let chosen = try figure.isEmpty ? all : figure.map { try named($0, all) }
            guard let out else {
                for figure in chosen { print("\(figure.name)\t\(figure.title)") }
                return
            }
            for file in try FigureWriter().write(chosen, as: format, into: out) { print(file) }
        }

        private func named(_ name: String, _ all: [Figure]) throws(RunError) -> Figure {
            if let found = all.first(where: { $0.name == name }) { return found }
            let names = all.map(\.name)
            let advice = Spelling.nearest(to: name, among: names).map { "did you mean '\($0)'?" }
            throw .invalid("no figure '\(name)' here; \(advice ?? "there are \(names.joined(separator: ", "))")")
        }
    }
}
