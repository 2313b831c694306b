private import Glibc

extension TargetConfig {
    /// A weight matrix that can be decomposed.
    struct Module: Sendable {
        let name: String
        let inputs: Int
        let outputs: Int

        /// Whether a published pattern (`*`, `?`, `[…]`) names it.
        func matches(_ pattern: String) -> Bool { fnmatch(pattern, name, FNM_NOESCAPE) == 0 }
    }

    /// The modules that have a weight matrix, in the order of a forward pass.
    var modules: [Module] {
        switch self {
        case .tms(let training):
            let (features, hidden) = (training.model.nFeatures, training.model.nHidden)
            let layers = (0..<training.model.nHiddenLayers).map {
                Module(name: "hidden_layers.\($0)", inputs: hidden, outputs: hidden)
            }
            return [Module(name: "linear1", inputs: features, outputs: hidden)] + layers
                + [Module(name: "linear2", inputs: hidden, outputs: features)]
        case .residualMLP(let training):
            let (embedding, neurons) = (training.model.dEmbed, training.model.dMLP)
            return (0..<training.model.nLayers).flatMap {
                [
                    Module(name: "layers.\($0).mlp_in", inputs: embedding, outputs: neurons),
                    Module(name: "layers.\($0).mlp_out", inputs: neurons, outputs: embedding),
                ]
            }
        }
    }

    /// How many numbers the target model has.
    var parameterCount: Int {
        let weights = modules.reduce(0) { $0 + $1.inputs * $1.outputs }
        switch self {
        case .tms(let training): return weights + training.model.nFeatures
        case .residualMLP(let training):
            let model = training.model
            let biases = model.nLayers * ((model.inBias ? model.dMLP : 0) + (model.outBias ? model.dEmbed : 0))
            return weights + biases + 2 * model.nFeatures * model.dEmbed
        }
    }
}
