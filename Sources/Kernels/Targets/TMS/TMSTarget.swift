/// The shape of a toy model of superposition.
public struct TMSShape: Equatable, Sendable {
    /// f, the entries of an input row.
    public var features: Int
    /// h, the width of the bottleneck.
    public var hidden: Int
    /// How many square layers stand in the bottleneck.
    public var hiddenLayers: Int
    /// Whether linear2's weight is linear1's transposed.
    public var tiedWeights: Bool

    /// Creates a shape.
    public init(features: Int, hidden: Int, hiddenLayers: Int, tiedWeights: Bool) {
        self.features = features
        self.hidden = hidden
        self.hiddenLayers = hiddenLayers
        self.tiedWeights = tiedWeights
    }
}

/// A toy model of superposition: `relu(linear2(hidden_layers(linear1(x))))`, biased only at the end.
public struct TMSTarget: Equatable, Sendable {
    /// `linear1.weight` (h, f).
    public var linear1: Tensor
    /// `hidden_layers.i.weight` (h, h).
    public var hiddenLayers: [Tensor]
    /// `linear2.weight` (f, h).
    public var linear2: Tensor
    /// `linear2.bias` (f).
    public var bias: Tensor
    /// Whether linear2's weight is linear1's transposed, and their subcomponents are tied likewise.
    public let tiedWeights: Bool

    /// Extracts the weights from a state dict.
    ///
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    public init(stateDict: StateDict, shape: TMSShape) throws(KernelError) {
        let (f, h) = (shape.features, shape.hidden)
        linear1 = try stateDict.tensor("linear1.weight", [h, f])
        linear2 = try stateDict.tensor("linear2.weight", [f, h])
        bias = try stateDict.tensor("linear2.bias", [f])
        hiddenLayers = []
        for index in 0..<shape.hiddenLayers {
            hiddenLayers.append(try stateDict.tensor("hidden_layers.\(index).weight", [h, h]))
        }
        tiedWeights = shape.tiedWeights
        try stateDict.expectOnly(Array(self.stateDict.keys))
        if tiedWeights, linear2 != linear1.transposed {
            throw .invalidSettings(
                "tied_weights is true, but linear2.weight is not linear1.weight transposed")
        }
    }

    init(linear1: Tensor, hiddenLayers: [Tensor], linear2: Tensor, bias: Tensor, tiedWeights: Bool) {
        self.linear1 = linear1
        self.hiddenLayers = hiddenLayers
        self.linear2 = linear2
        self.bias = bias
        self.tiedWeights = tiedWeights
    }

    /// f.
    public var features: Int { linear1.shape[1] }
    /// h.
    public var hidden: Int { linear1.shape[0] }

    /// The weights by their published names.
    public var stateDict: StateDict {
        var result: StateDict = ["linear1.weight": linear1, "linear2.weight": linear2, "linear2.bias": bias]
        for (index, weight) in hiddenLayers.enumerated() { result["hidden_layers.\(index).weight"] = weight }
        return result
    }
}

extension TMSTarget: FeatureTarget {
    var modules: [TargetModule] {
        [TargetModule(name: "linear1", weight: linear1)]
            + hiddenLayers.enumerated().map { TargetModule(name: "hidden_layers.\($0)", weight: $1) }
            + [TargetModule(name: "linear2", weight: linear2)]
    }

    var tiedModules: [(String, String)] { tiedWeights ? [("linear1", "linear2")] : [] }

    func network(decomposed: [Int], outputLoss: OutputLoss, layout: ParameterLayout) -> any Network {
        TMSNetwork(self, decomposed: decomposed, layout: layout)
    }

    func scores(of decomposition: FeatureDecomposition) -> [NamedNumber] { decomposition.recovery?.numbers ?? [] }
}
