import ArgumentParser
import Foundation
import Runs

extension Worker {
    /// Computes the numbers behind every figure of a given decomposition.
    struct Figures: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "figures",
            abstract: "Compute the numbers behind every figure of a given decomposition.",
            discussion: """
                Takes a folder with target.safetensors, decomposition*.safetensors, batches.safetensors and, if there
                is one, a coefficient study. Writes expected.core, expected.analysis or expected.lm.safetensors, and
                expected.json: what the published tool's figures show, to compare with another implementation.

                EXAMPLE
                  worker figures Tests/Fixtures/Figures/tms_5-2 --numbers numbers
                """)

        @Argument(help: ArgumentHelp("The folder of the given decomposition.", valueName: "folder"))
        var given: String

        @Option(help: ArgumentHelp("The folder to write the numbers into.", valueName: "folder"))
        var numbers: String

        @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "count"))
        var threads: Int?

        mutating func run() throws {
            let given = FigureCase(
                folder: given, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
            try given.write(to: numbers)
        }
    }
}
