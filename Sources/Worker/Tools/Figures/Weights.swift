import ArgumentParser
import Runs

extension Worker {
    /// Analyses a decomposition's weights, or matches the subcomponents of two.
    struct Weights: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "weights",
            abstract: "Analyse a decomposition's weights, or match those of two; as JSON.",
            discussion: """
                Called by `orchestrator show` and `orchestrator compare`.

                EXAMPLES
                  worker weights runs/k3j9x2ab/model_20000.safetensors
                  worker weights one/model_20000.safetensors other/model_20000.safetensors
                """)

        @Argument(help: ArgumentHelp("A run's weights (.safetensors or .pth).", valueName: "weights"))
        var first: String

        @Argument(help: ArgumentHelp("Weights to match them with.", valueName: "other"))
        var second: String?

        mutating func run() throws {
            let weights = try PublishedWeights(path: first)
            guard let second else { return print(try WeightsReport.json(weights)) }
            print(try WeightsReport.json(weights, PublishedWeights(path: second)))
        }
    }
}
