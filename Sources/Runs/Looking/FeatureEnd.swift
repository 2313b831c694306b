import Analysis
import Kernels

/// The end of a module at which its subcomponents can be told apart by features or tokens, and how strongly each is tied to
/// each.
struct FeatureEnd {
    /// What the numbers stand for: a feature that is read, one that is written, a token likewise.
    let name: String
    /// (features or tokens, C).
    private let strengths: Tensor

    /// Finds a module's end.
    ///
    /// Inputs that are neurons or a stream's directions mean the same in two runs only as far as features are after
    /// them: of a toy model's hidden layers and of residual MLPs' layers they are seen through the embedding. Inside a
    /// language model nothing names a direction, so there is no such end.
    ///
    /// - Returns: nil if there is none.
    /// - Throws: `RunError.invalid` for a target whose tensors do not fit together.
    init?(_ module: String, _ matrices: RankOneMatrices, in weights: PublishedWeights) throws(RunError) {
        switch try weights.model(nil) {
        case .tms(let target)?:
            if module == "linear2" {
                self.init("feature written", matrices.u.transposed)
            } else {
                // What a hidden layer reads of a feature that is active alone: what all layers before it make of it.
                var read = Tensor(identity: target.features)
                if module.hasPrefix("hidden_layers.") {
                    read = target.linear1.transposed
                    for layer in target.hiddenLayers.prefix(Int(module.dropFirst("hidden_layers.".count)) ?? 0) {
                        read = read.times(layer.transposed)
                    }
                }
                guard read.shape[1] == matrices.inputs else { return nil }
                self.init("feature read", read.times(matrices.v))
            }
        case .residualMLP(let target)?:
            if module.hasSuffix(".mlp_in"), target.embedding.shape[1] == matrices.inputs {
                self.init("feature read", target.embedding.times(matrices.v))
            } else if module.hasSuffix(".mlp_out"), target.unembedding.shape[0] == matrices.outputs {
                self.init("feature written", matrices.u.times(target.unembedding).transposed)
            } else {
                return nil
            }
        case nil:
            switch module.split(separator: ".").last {
            case "wte"?, "embed_tokens"?, "embed_in"?: self.init("token read", matrices.v)
            case "lm_head"?, "embed_out"?: self.init("token written", matrices.u.transposed)
            default: return nil
            }
        }
    }

    private init(_ name: String, _ strengths: Tensor) { (self.name, self.strengths) = (name, strengths) }

    /// The feature or token that a subcomponent is tied to most; of equal ones the first.
    func strongest(_ component: Int) -> Int {
        let (rows, c) = (strengths.shape[0], strengths.shape[1])
        return (0..<rows).reduce(0) { best, row in
            abs(strengths.values[row * c + component]) > abs(strengths.values[best * c + component]) ? row : best
        }
    }
}

extension Tensor {
    fileprivate init(identity size: Int) {
        self.init(zeros: [size, size])
        for place in 0..<size { values[place * size + place] = 1 }
    }
}
