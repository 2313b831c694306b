public import Kernels

/// How a toy model of superposition has been decomposed: its features' columns against linear1's subcomponents.
public struct TMSAnalysis: Sendable {
    /// From which sum of row norms on a subcomponent of linear1 counts as significant.
    public static let subnetThreshold = 0.017
    /// From which Frobenius norm on a subcomponent of the first hidden layer does.
    public static let hiddenThreshold = 0.009

    /// The target.
    public let target: TMSTarget
    /// linear1's subcomponents (F, H) each.
    public let subnets: RankOneMatrices
    /// Those of the hidden layers that are decomposed, by layer.
    public let hidden: [RankOneMatrices?]
    /// linear2's own, where it is decomposed and its weights are not tied to linear1's.
    public let linear2: RankOneMatrices?

    /// linear1's weights transposed (F, H).
    public let targetWeights: Tensor
    /// Row-wise cosines with the target's (C, F).
    public let cosines: Tensor
    /// Of each feature the largest, and whose it is.
    public let maxCosines: [Float]
    /// Of each feature, the subcomponent with the largest cosine; of equal ones the first.
    public let maxIndices: [Int]
    /// That subcomponent's row (F, H).
    public let weightsAtMax: Tensor
    /// Its length over the target's.
    public let lengthRatios: [Float]
    /// Of each subcomponent, the sum of its rows' lengths.
    public let norms: [Double]
    /// The subcomponents, those of the largest ``norms`` first.
    public let normOrder: [Int]
    /// Those over ``subnetThreshold``, largest first.
    public let significant: [Int]

    /// Compares a decomposition with its target; nil if linear1 is not decomposed.
    ///
    /// - Parameters:
    ///   - target: The target.
    ///   - tensors: The decomposition's trained tensors.
    public init?(_ target: TMSTarget, _ tensors: StateDict) {
        guard let subnets = RankOneMatrices(of: "linear1", in: tensors) else { return nil }
        self.target = target
        self.subnets = subnets
        hidden = target.hiddenLayers.indices.map { RankOneMatrices(of: "hidden_layers.\($0)", in: tensors) }
        linear2 = target.tiedWeights ? nil : RankOneMatrices(of: "linear2", in: tensors)
        let weights = target.linear1.transposed
        let (c, f, h) = (subnets.count, weights.shape[0], weights.shape[1])
        var cosines = Tensor(zeros: [c, f])
        var norms = Array(repeating: 0.0, count: c)
        let all = subnets.all.values
        func length(_ values: ArraySlice<Float>) -> Double {
            values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        }
        let targetLengths = (0..<f).map { length(weights.values[$0 * h..<($0 + 1) * h]) }
        for component in 0..<c {
            for feature in 0..<f {
                let row = all[(component * f + feature) * h..<(component * f + feature + 1) * h]
                let column = weights.values[feature * h..<(feature + 1) * h]
                let dot = zip(row, column).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                norms[component] += length(row)
                cosines.values[component * f + feature] = Float(
                    dot / ((length(row) + Self.tiny) * (targetLengths[feature] + Self.tiny)))
            }
        }
        let maxIndices = (0..<f).map { feature in
            (1..<max(c, 1)).reduce(0) { best, component in
                cosines.values[component * f + feature] > cosines.values[best * f + feature] ? component : best
            }
        }
        let rows = maxIndices.enumerated().map { feature, component in
            all[(component * f + feature) * h..<(component * f + feature + 1) * h]
        }
        maxCosines = maxIndices.enumerated().map { cosines.values[$1 * f + $0] }
        weightsAtMax = Tensor(shape: [f, h], values: rows.flatMap { $0 })
        lengthRatios = rows.enumerated().map { Float(length($1) / targetLengths[$0]) }
        (self.cosines, self.maxIndices, self.norms, targetWeights) = (cosines, maxIndices, norms, weights)
        normOrder = norms.fallingOrder
        significant = normOrder.filter { norms[$0] > Self.subnetThreshold }
    }

    /// Keeps divisions by a norm of zero finite.
    private static let tiny = 1e-12

    /// A picture's panel: what it shows, and of which subcomponent.
    public struct Panel: Equatable, Sendable {
        /// Its title, as the published tool writes it.
        public let title: String
        /// The subcomponent; nil for the target and the sum.
        public let component: Int?
        /// The weights (F, H), or (H, H) of a hidden layer.
        public let weights: Tensor

        init(_ title: String, _ weights: Tensor, component: Int? = nil) {
            (self.title, self.weights, self.component) = (title, weights, component)
        }

        init(component: Int, _ weights: Tensor) {
            self.init("Subcomponent \(component)", weights, component: component)
        }
    }

    /// The target, the sum of the significant subcomponents, and each of these by falling norm.
    public var panels: [Panel] {
        let each = significant.map { Panel(component: $0, subnets[$0]) }
        var sum = Tensor(zeros: targetWeights.shape)
        for panel in each { for place in sum.values.indices { sum.values[place] += panel.weights.values[place] } }
        return [Panel("Target model", targetWeights), Panel("Sum of components", sum)] + each
    }

    /// The first hidden layer's subcomponents by falling Frobenius norm.
    public struct HiddenLayer: Equatable, Sendable {
        /// The subcomponents, largest first.
        public let order: [Int]
        /// Their norms, in that order.
        public let norms: [Double]
        /// The target transposed, the sum of all, and those over ``TMSAnalysis/hiddenThreshold``.
        public let panels: [Panel]
    }

    /// The first hidden layer; nil if there is none or it is not decomposed.
    public var firstHiddenLayer: HiddenLayer? {
        guard let weight = target.hiddenLayers.first, let matrices = hidden[0] else { return nil }
        let norms = matrices.norms
        let order = norms.fallingOrder
        let shown = order.filter { norms[$0] > Self.hiddenThreshold }
        return HiddenLayer(
            order: order, norms: order.map { norms[$0] },
            panels: [Panel("Target model", weight.transposed), Panel("Sum of components", matrices.sum)]
                + shown.map { Panel(component: $0, matrices[$0]) })
    }
}
