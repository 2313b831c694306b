import ArgumentParser
import Figures
import Foundation
import Runs

extension Worker {
    /// Draws the importances of several runs side by side.
    struct PlotStudy: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "plot-study",
            abstract: "Draw the importances of several runs side by side.",
            discussion: """
                Called by `orchestrator plot --by`, with a query as in `worker plot` for each run.

                EXAMPLE
                  worker plot-study '{"path": "runs/a", "value": "1e-5"}' '{"path": "runs/b", "value": "1e-4"}' \\
                    --by importance_minimality_coeff --out figures
                """)

        @Argument(help: ArgumentHelp("The runs.", valueName: "source"))
        var sources: [String]

        @Option(help: ArgumentHelp("The key in which they differ.", valueName: "key"))
        var by: String

        @Option(help: ArgumentHelp("The folder to draw into.", valueName: "folder"))
        var out: String

        @Option(help: "png, svg or pdf; repeatable.")
        var format: [FigureFormat] = [.png]

        @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "count"))
        var threads: Int?

        mutating func run() throws {
            let sources = try sources.map { source throws(RunError) in try FigureSource(source) }
            let study = try ImportanceStudy(
                sources, by: by, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
            for reason in study.leftOut {
                FileHandle.standardError.write(Data("worker: left out: \(reason)\n".utf8))
            }
            for file in try FigureWriter().write([study.figure], as: format, into: out) { print(file) }
        }
    }
}
