/// The nonlinearity of a residual MLP.
public enum Activation: String, Sendable {
    case relu
    /// The exact form, x Φ(x).
    case gelu
}

/// The shape of a residual MLP.
public struct ResidualMLPShape: Equatable, Sendable {
    /// f, the entries of an input row.
    public var features: Int
    /// d, the width of the residual stream.
    public var embedding: Int
    /// m, the neurons of each layer.
    public var neurons: Int
    /// The number of layers.
    public var layers: Int
    /// The neurons' nonlinearity.
    public var activation: Activation
    /// Whether `mlp_in` has a bias.
    public var inBias: Bool
    /// Whether `mlp_out` has a bias.
    public var outBias: Bool

    /// Creates a shape.
    public init(
        features: Int, embedding: Int, neurons: Int, layers: Int, activation: Activation, inBias: Bool,
        outBias: Bool
    ) {
        self.features = features
        self.embedding = embedding
        self.neurons = neurons
        self.layers = layers
        self.activation = activation
        self.inBias = inBias
        self.outBias = outBias
    }
}

/// A residual MLP: `r = x W_E`; for each layer `r += mlp_out(act(mlp_in(r)))`; `out = r W_U`.
public struct ResidualMLPTarget: Equatable, Sendable {
    /// One layer's weights.
    public struct Layer: Equatable, Sendable {
        /// `mlp_in.weight` (m, d).
        public var input: Tensor
        /// `mlp_in.bias` (m).
        public var inputBias: Tensor?
        /// `mlp_out.weight` (d, m).
        public var output: Tensor
        /// `mlp_out.bias` (d).
        public var outputBias: Tensor?
    }

    /// `W_E` (f, d).
    public var embedding: Tensor
    /// `W_U` (d, f).
    public var unembedding: Tensor
    /// The layers, first to last.
    public var layers: [Layer]
    /// The neurons' nonlinearity.
    public let activation: Activation

    /// Extracts the weights from a state dict.
    ///
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    public init(stateDict: StateDict, shape: ResidualMLPShape) throws(KernelError) {
        let (f, d, m) = (shape.features, shape.embedding, shape.neurons)
        embedding = try stateDict.tensor("W_E", [f, d])
        unembedding = try stateDict.tensor("W_U", [d, f])
        activation = shape.activation
        layers = []
        for index in 0..<shape.layers {
            let prefix = "layers.\(index)."
            layers.append(
                Layer(
                    input: try stateDict.tensor(prefix + "mlp_in.weight", [m, d]),
                    inputBias: shape.inBias ? try stateDict.tensor(prefix + "mlp_in.bias", [m]) : nil,
                    output: try stateDict.tensor(prefix + "mlp_out.weight", [d, m]),
                    outputBias: shape.outBias ? try stateDict.tensor(prefix + "mlp_out.bias", [d]) : nil))
        }
        try stateDict.expectOnly(Array(self.stateDict.keys))
    }

    init(embedding: Tensor, unembedding: Tensor, layers: [Layer], activation: Activation) {
        self.embedding = embedding
        self.unembedding = unembedding
        self.layers = layers
        self.activation = activation
    }

    /// f.
    public var features: Int { embedding.shape[0] }

    /// The weights by their published names.
    public var stateDict: StateDict {
        var result: StateDict = ["W_E": embedding, "W_U": unembedding]
        for (index, layer) in layers.enumerated() {
            result["layers.\(index).mlp_in.weight"] = layer.input
            result["layers.\(index).mlp_in.bias"] = layer.inputBias
            result["layers.\(index).mlp_out.weight"] = layer.output
            result["layers.\(index).mlp_out.bias"] = layer.outputBias
        }
        return result
    }
}

extension ResidualMLPTarget: FeatureTarget {
    var modules: [TargetModule] {
        layers.enumerated().flatMap { index, layer in
            [
                TargetModule(name: "layers.\(index).mlp_in", weight: layer.input),
                TargetModule(name: "layers.\(index).mlp_out", weight: layer.output),
            ]
        }
    }

    func network(decomposed: [Int], outputLoss: OutputLoss, layout: ParameterLayout) -> any Network {
        ResidualMLPNetwork(self, decomposed: decomposed, wholeOutputs: outputLoss == .kl, layout: layout)
    }

    func stream(of module: String) -> StreamEnd? {
        StreamEnd(side: module.hasSuffix(".mlp_in") ? .reads : .writes, embedding: embedding)
    }

    func scores(of decomposition: FeatureDecomposition) throws(KernelError) -> [NamedNumber] {
        try decomposition.featureAlignment()?.numbers ?? []
    }
}
