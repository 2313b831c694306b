import ArgumentParser
import Foundation
import Runs

extension Worker {
    /// Writes a page with all figures of a run or of several.
    struct PlotPage: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "plot-page",
            abstract: "Write one self-contained page with all figures of one or several runs.",
            discussion: """
                Called by `orchestrator plot --html`, with a query as in `worker plot` for each run.

                EXAMPLE
                  worker plot-page runs/k3j9x2ab --out k3j9.html --title "run k3j9"
                """)

        @Argument(help: ArgumentHelp("The runs.", valueName: "source"))
        var sources: [String]

        @Option(help: ArgumentHelp("The key by which to compare several runs.", valueName: "key"))
        var by: String?

        @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
        var out: String

        @Option(help: ArgumentHelp("The page's title.", valueName: "text"))
        var title: String

        @Option(help: ArgumentHelp("Which figure; repeatable (default: all).", valueName: "name"))
        var figure: [String] = []

        @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "count"))
        var threads: Int?

        mutating func run() throws {
            let sources = try sources.map { source throws(RunError) in try FigureSource(source) }
            try FigurePageMaker(
                sources, title: title, by: by, figures: figure,
                threads: threads ?? ProcessInfo.processInfo.activeProcessorCount
            ).write(to: out)
            print(out)
        }
    }
}
