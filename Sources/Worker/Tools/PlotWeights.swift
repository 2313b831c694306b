import ArgumentParser
import Artifacts
import Experiments
import Figures
import Foundation
import Runs

/// A kind of file that figures are drawn as.
private enum FigureFormat: String, CaseIterable, ExpressibleByArgument {
    case png
    case svg
    case pdf
}

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

        @Option(help: "png, svg or pdf; may be repeated.")
        private var format: [FigureFormat] = [.png]

        @Option(help: ArgumentHelp("What stands in each figure's corner.", valueName: "text"))
        var corner = ""

        mutating func run() throws {
            let all = try WeightsFigures(PublishedWeights(path: path), corner: corner).all
            let chosen = try figure.isEmpty ? all : figure.map { try named($0, all) }
            guard let out else {
                for figure in chosen { print("\(figure.name)\t\(figure.title)") }
                return
            }
            let cairo = try Cairo()
            // All are drawn before any is written: a figure that can't be drawn leaves nothing half done.
            var files: [(path: String, bytes: [UInt8])] = []
            for figure in chosen {
                for format in format {
                    let bytes =
                        switch format {
                        case .png: try figure.png(cairo)
                        case .svg: Array(try figure.svg(cairo).utf8)
                        case .pdf: try figure.pdf(cairo)
                        }
                    files.append((out + "/" + figure.name + "." + format.rawValue, bytes))
                }
                let arrays = Dictionary(
                    figure.arrays.map { ($0.name, SafeTensors.Array(shape: $0.shape, $0.values)) },
                    uniquingKeysWith: { first, _ in first })
                files.append((out + "/" + figure.name + ".safetensors", SafeTensors(arrays: arrays).encoded()))
            }
            do {
                try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
            } catch {
                throw RunError.invalid("\(out): \(error.localizedDescription)")
            }
            for file in files {
                try DurableFile.write(file.bytes, to: file.path, flush: .nothing)
                print(file.path)
            }
        }

        private func named(_ name: String, _ all: [Figure]) throws(RunError) -> Figure {
            if let found = all.first(where: { $0.name == name }) { return found }
            let names = all.map(\.name)
            let advice = Spelling.nearest(to: name, among: names).map { "did you mean '\($0)'?" }
            throw .invalid("no figure '\(name)' here; \(advice ?? "there are \(names.joined(separator: ", "))")")
        }
    }
}
