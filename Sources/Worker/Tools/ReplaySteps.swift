import ArgumentParser
import Foundation
import Runs

extension Worker {
    /// Computes given steps on given numbers.
    struct ReplaySteps: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Compute given steps on given numbers, to compare with another implementation.",
            discussion: """
                Takes a spd-replay-1 file: config, target, initial subcomponents, and for each step the batch and every
                uniform number. Writes each step's losses, causal importances and gradients, and the final parameters.
                Or a spd-forward-1 file: a language model and tokens. Writes the logits.

                EXAMPLE
                  worker replay Tests/Fixtures/oracle/tms_5-2_tied.safetensors --out result.safetensors
                """)

        @Argument(help: "The given numbers (.safetensors).")
        var given: String

        @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
        var out: String

        @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "count"))
        var threads: Int?

        mutating func run() throws {
            let replay = try Replay(
                path: given, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
            try replay.write(to: out)
        }
    }
}
