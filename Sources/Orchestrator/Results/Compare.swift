import ArgumentParser
import Foundation
import Orchestration
import Store

/// Says which subcomponents of two runs are the same.
struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Match the subcomponents of two runs, to see whether seeds agree.",
        discussion: """
            EXAMPLES
              orchestrator compare k3j9 m2x7
              orchestrator compare k3j9 m2x7 --json
              orchestrator compare k3j9 published/model_20000.pth

            Module by module, subcomponents V_c U_c are paired so that the sum of their cosines is largest. Those below 5 % of
            the largest norm point at noise, and are left out. INPUT is the one that a subcomponent reads most: in a module
            that reads features, its feature.
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
            let weights = try await RunWeights(named: first, in: await OpenStore.open(for: .looking))
            let others = try await RunWeights(named: second, in: await OpenStore.open(for: .looking))
            return try Comparison(weights, others, environment: environment)
        }
        print(
            json ? comparison.json : comparison.text(Style.forStandardOutput(environment: environment)), terminator: "")
    }
}
