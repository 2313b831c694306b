import ArgumentParser
import Foundation
import Orchestration
import Store

/// Shows how two runs differ, and which of their subcomponents match.
struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Show how two runs differ, and which of their subcomponents match.",
        discussion: """
            EXAMPLES
              orchestrator compare k3j9 m2x7
              orchestrator compare k3j9 m2x7 --json
              orchestrator compare k3j9 published/model_20000.pth

            First shows how their configs and final metrics differ, and the curves of metrics that both logged, on one scale.
            Then, module by module, pairs subcomponents V_c U_c to maximise the sum of their cosines. Those below 5 % of
            the largest norm are noise, and are left out. The last column is the feature that a subcomponent reads or writes
            most, through a toy model's embedding or the layers before it; for a language model's embedding and head, the token. A
            pair with two of them has moved. Inside a language model there is no such name, and the column is empty.
            """)

    @Argument(
        help: ArgumentHelp("A run's name or its beginning, or weights (a file or a folder).", valueName: "run"),
        completion: CompletionWords.runs)
    var first: String

    @Argument(help: ArgumentHelp("What to compare it with.", valueName: "other"), completion: CompletionWords.runs)
    var second: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let comparison = try await failing {
            try await RunsComparison(first, second, environment: environment)
        }
        let style = TerminalStyle.forStandardOutput(environment: environment)
        print(try await failing { json ? try comparison.json() : comparison.text(style) }, terminator: "")
    }
}
