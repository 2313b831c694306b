public import Kernels

/// What each neuron of a residual MLP carries from a feature back to the same feature, in the target and in the
/// subcomponent that does most for the feature.
///
/// Biases have no part in it; the output weights are read through W_E transposed, as the published tool does.
public struct NeuronContributions: Equatable, Sendable {
    /// The target's (L, F, M).
    public let target: Tensor
    /// Of each layer and feature the largest contribution of each subcomponent of mlp_in (L, F, C).
    public let componentMax: Tensor
    /// The subcomponent with the largest, by layer and feature.
    public let winners: [[Int]]
    /// The winners' contributions (L, F, M).
    public let winning: Tensor

    /// Computes all of a decomposition; nil if a layer's mlp_in is not decomposed.
    ///
    /// Where a layer's mlp_out is not decomposed its target weights are taken.
    public init?(_ model: ResidualMLPTarget, _ tensors: StateDict) {
        let (layers, f) = (model.layers.count, model.features)
        let embedded = model.embedding.transposed
        var (target, best, winning): ([Float], [Float], [Float]) = ([], [], [])
        var winners: [[Int]] = []
        var (m, c) = (0, 0)
        for (index, layer) in model.layers.enumerated() {
            guard let input = RankOneMatrices(of: "layers.\(index).mlp_in", in: tensors) else { return nil }
            (m, c) = (input.outputs, input.count)
            let reading = model.embedding.times(layer.input.transposed).values  // (F, M)
            let writing = layer.output.transposed.times(embedded).values  // (M, F)
            target += (0..<f * m).map { reading[$0] * writing[$0 % m * f + $0 / m] }
            let output = RankOneMatrices(of: "layers.\(index).mlp_out", in: tensors)
            let found = (output?.sum ?? layer.output.transposed).times(embedded).values
            let inner = model.embedding.times(input.v).values  // (F, C)
            var chosen: [Int] = []
            for feature in 0..<f {
                let factors = (0..<m).map { found[$0 * f + feature] }
                func contributions(_ component: Int) -> [Float] {
                    let scale = inner[feature * c + component]
                    return factors.indices.map { scale * input.u.values[component * m + $0] * factors[$0] }
                }
                let largest = (0..<c).map { contributions($0).max() ?? 0 }
                let winner = largest.indices.dropFirst().reduce(0) { largest[$1] > largest[$0] ? $1 : $0 }
                best += largest
                chosen.append(winner)
                winning += contributions(winner)
            }
            winners.append(chosen)
        }
        self.target = Tensor(shape: [layers, f, m], values: target)
        componentMax = Tensor(shape: [layers, f, c], values: best)
        self.winning = Tensor(shape: [layers, f, m], values: winning)
        self.winners = winners
    }

    /// Whether they mean something for a target: it has no biases, and reads outputs as it writes inputs.
    public static func apply(to model: ResidualMLPTarget) -> Bool {
        model.unembedding == model.embedding.transposed
            && model.layers.allSatisfy { $0.inputBias == nil && $0.outputBias == nil }
    }

    /// How the winners' contributions correlate with the target's, over all layers, features and neurons.
    public var agreement: LinearAgreement { LinearAgreement(target.values, winning.values) }

    /// A neuron that is named next to a point.
    public struct Label: Equatable, Sendable {
        /// The input feature that the point stands at.
        public let feature: Int
        /// The neuron's number, those of all layers counted through.
        public let neuron: Int
        /// The neuron's place in its layer.
        public let place: Int
        /// The contributions of the target and of the winner.
        public let target: Float, winning: Float
        /// How many neurons of the feature were named before.
        public let rank: Int
    }

    /// From here on a target's neuron is named.
    public static let labelThreshold: Float = 0.1

    /// The neurons of the first features whose target contribution exceeds ``labelThreshold``.
    public func labels(features: Int) -> [Label] {
        let (layers, f, m) = (target.shape[0], target.shape[1], target.shape[2])
        return (0..<min(features, f)).flatMap { feature in
            var labels: [Label] = []
            for layer in 0..<layers {
                for place in 0..<m {
                    let index = (layer * f + feature) * m + place
                    guard target.values[index] > Self.labelThreshold else { continue }
                    labels.append(
                        Label(
                            feature: feature, neuron: layer * m + place, place: place, target: target.values[index],
                            winning: winning.values[index], rank: labels.count))
                }
            }
            return labels
        }
    }

    /// The smallest and largest contribution of the first features, 0 among them.
    public static func extent(_ contributions: Tensor, features: Int) -> (low: Float, high: Float) {
        let (layers, f, m) = (contributions.shape[0], contributions.shape[1], contributions.shape[2])
        var (low, high): (Float, Float) = (0, 0)
        for layer in 0..<layers {
            for place in layer * f * m..<layer * f * m + min(features, f) * m {
                low = min(low, contributions.values[place])
                high = max(high, contributions.values[place])
            }
        }
        return (low, high)
    }
}

/// How two quantities go together.
public struct LinearAgreement: Equatable, Sendable {
    /// Pearson's correlation.
    public let correlation: Double
    /// The slope of the second over the first, by least squares.
    public let slope: Double

    /// Compares values pair by pair.
    public init(_ x: [Float], _ y: [Float]) {
        let (mx, my) = (Spread(x).mean, Spread(y).mean)
        var (xx, yy, xy) = (0.0, 0.0, 0.0)
        for (a, b) in zip(x, y) {
            let (dx, dy) = (Double(a) - mx, Double(b) - my)
            xx += dx * dx
            yy += dy * dy
            xy += dx * dy
        }
        correlation = xy / (xx * yy).squareRoot()
        slope = xy / xx
    }
}
