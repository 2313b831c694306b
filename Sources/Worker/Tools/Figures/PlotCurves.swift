import ArgumentParser
import Figures
import Foundation
import Runs

extension Worker {
    /// Draws what several runs have logged as curves over steps.
    struct PlotCurves: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "plot-curves",
            abstract: "Draw several runs' metrics as curves over steps.",
            discussion: """
                Called by `orchestrator plot JOB --figure curves`, with a query as in `worker plot` for each run. Runs of the
                same `group` become one line, with a band from the smallest to the largest value.

                EXAMPLE
                  worker plot-curves '{"path": "runs/a", "group": "1e-5"}' '{"path": "runs/b", "group": "1e-4"}' --out figures
                """)

        @Argument(help: ArgumentHelp("The runs.", valueName: "source"))
        var sources: [String]

        @Option(help: ArgumentHelp("The text in the corner.", valueName: "text"))
        var title = ""

        @Option(help: ArgumentHelp("The folder to draw into.", valueName: "folder"))
        var out: String

        @Option(help: "png, svg or pdf; repeatable.")
        var format: [FigureFormat] = [.png]

        mutating func run() throws {
            let sources = try sources.map { source throws(RunError) in try FigureSource(source) }
            guard let figure = try MetricCurves(sources, corner: title).figure else {
                throw RunError.invalid("none of the runs has logged a metric yet")
            }
            for file in try FigureWriter().write([figure], as: format, into: out) { print(file) }
        }
    }
}
