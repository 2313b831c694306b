/// What a transformer computes, apart from its weights: parts, sizes and constants, whatever its architecture is called.
///
/// The residual stream begins as the token's embedding (plus the position's, if there is one), runs through the layers
/// and ends as logits = head · final norm(x). Names are those of the hub's files and of the published module patterns.
public struct TransformerShape: Equatable, Sendable {
    /// The architecture's class, such as `LlamaForCausalLM`.
    public var architecture: String
    /// How many tokens there are.
    public var vocabulary: Int
    /// d, the length of the residual stream.
    public var width: Int
    /// The token embedding's name; its weight is [vocabulary, width].
    public var embedding: String
    /// The position embedding, if there is one.
    public var positions: Positions?
    /// The layers in their order.
    public var layers: [Layer]
    /// The norm that the residual stream passes before the head.
    public var finalNorm: Norm
    /// The head's name; its weight is [vocabulary, width], without a bias.
    public var head: String
    /// Whether the head's weight is the token embedding's own.
    public var isHeadTied: Bool

    /// Creates a shape.
    public init(
        architecture: String, vocabulary: Int, width: Int, embedding: String, positions: Positions?, layers: [Layer],
        finalNorm: Norm, head: String, isHeadTied: Bool
    ) {
        self.architecture = architecture
        self.vocabulary = vocabulary
        self.width = width
        self.embedding = embedding
        self.positions = positions
        self.layers = layers
        self.finalNorm = finalNorm
        self.head = head
        self.isHeadTied = isHeadTied
    }

    /// A learned vector for each position of a row.
    public struct Positions: Equatable, Sendable {
        /// The embedding's name; its weight is [count, width].
        public var name: String
        /// How many positions there are: the longest row.
        public var count: Int

        /// Creates a position embedding.
        public init(name: String, count: Int) {
            self.name = name
            self.count = count
        }
    }

    /// A normalisation with weights of its own.
    public struct Norm: Equatable, Sendable {
        /// Which one.
        public enum Kind: Equatable, Sendable {
            /// w x / sqrt(mean x² + eps).
            case rms
            /// w (x - mean) / sqrt(var + eps) + b.
            case layer
        }

        /// Its name.
        public var name: String
        /// Which one it is.
        public var kind: Kind
        /// What is added to the mean square.
        public var epsilon: Float

        /// Creates a norm.
        public init(name: String, kind: Kind, epsilon: Float) {
            self.name = name
            self.kind = kind
            self.epsilon = epsilon
        }
    }

    /// y = W x (+ b).
    public struct Linear: Equatable, Sendable {
        /// Its name.
        public var name: String
        /// The columns of W.
        public var inputs: Int
        /// The rows of W.
        public var outputs: Int
        /// Whether there is a b.
        public var hasBias: Bool
        /// Whether files hold W transposed, [inputs, outputs]: GPT-2's Conv1D, which cannot be decomposed.
        public var isConv1D: Bool

        /// Creates a linear map.
        public init(name: String, inputs: Int, outputs: Int, hasBias: Bool, isConv1D: Bool = false) {
            self.name = name
            self.inputs = inputs
            self.outputs = outputs
            self.hasBias = hasBias
            self.isConv1D = isConv1D
        }
    }

    /// How queries and keys turn with their position: over the first `dimensions` elements of a head, halves paired.
    public struct Rotary: Equatable, Sendable {
        /// r, an even number of a head's elements.
        public var dimensions: Int
        /// The angle per position of each pair (r/2).
        public var frequencies: [Float]

        /// Creates a rotation.
        public init(dimensions: Int, frequencies: [Float]) {
            self.dimensions = dimensions
            self.frequencies = frequencies
        }
    }

    /// Where queries, keys and values come from.
    public enum Projections: Equatable, Sendable {
        case separate(query: Linear, key: Linear, value: Linear)
        /// One map gives the queries of all heads, then the keys, then the values.
        case joinedByKind(Linear)
        /// One map gives query, key and value of the first head, then of the second, ….
        case joinedByHead(Linear)

        /// The maps, in the order in which they run.
        public var linears: [Linear] {
            switch self {
            case .separate(let query, let key, let value): [query, key, value]
            case .joinedByKind(let linear), .joinedByHead(let linear): [linear]
            }
        }
    }

    /// Causal attention.
    public struct Attention: Equatable, Sendable {
        /// Where queries, keys and values come from.
        public var projections: Projections
        /// The map that the heads' results, side by side, pass through.
        public var output: Linear
        /// H, the query heads.
        public var heads: Int
        /// K, the key and value heads; a divisor of H.
        public var keyValueHeads: Int
        /// h, the elements of a head.
        public var headSize: Int
        /// What scores are multiplied by.
        public var scale: Float
        /// How queries and keys turn with their position.
        public var rotary: Rotary?
        /// How many keys a query sees, its own among them; nil for all before it.
        public var window: Int?

        /// Creates an attention.
        public init(
            projections: Projections, output: Linear, heads: Int, keyValueHeads: Int, headSize: Int, scale: Float,
            rotary: Rotary? = nil, window: Int? = nil
        ) {
            self.projections = projections
            self.output = output
            self.heads = heads
            self.keyValueHeads = keyValueHeads
            self.headSize = headSize
            self.scale = scale
            self.rotary = rotary
            self.window = window
        }
    }

    /// The nonlinearity of an MLP.
    public enum Activation: Equatable, Sendable {
        case silu
        case relu
        /// The exact one, with erf.
        case gelu
        /// The one with tanh, `gelu_new`.
        case tanhGelu
    }

    /// A layer's MLP.
    public enum MLP: Equatable, Sendable {
        /// down(act(gate x) · up x).
        case gated(gate: Linear, up: Linear, down: Linear)
        /// output(act(input x)).
        case plain(input: Linear, output: Linear)

        /// The maps, in the order in which they run.
        public var linears: [Linear] {
            switch self {
            case .gated(let gate, let up, let down): [gate, up, down]
            case .plain(let input, let output): [input, output]
            }
        }

        /// m, how many numbers pass the nonlinearity.
        var hidden: Int { linears[0].outputs }
    }

    /// x += attention(norm x); x += mlp(norm x), or both of the same x.
    public struct Layer: Equatable, Sendable {
        /// The norm through which attention reads the residual stream.
        public var attentionNorm: Norm
        /// The attention.
        public var attention: Attention
        /// The norm through which the MLP reads the residual stream.
        public var mlpNorm: Norm
        /// The MLP.
        public var mlp: MLP
        /// The MLP's nonlinearity.
        public var activation: Activation
        /// Whether attention and MLP both read the layer's input.
        public var isParallel: Bool

        /// Creates a layer.
        public init(
            attentionNorm: Norm, attention: Attention, mlpNorm: Norm, mlp: MLP, activation: Activation,
            isParallel: Bool = false
        ) {
            self.attentionNorm = attentionNorm
            self.attention = attention
            self.mlpNorm = mlpNorm
            self.mlp = mlp
            self.activation = activation
            self.isParallel = isParallel
        }

        /// The maps, in the order in which they run.
        public var linears: [Linear] { attention.projections.linears + [attention.output] + mlp.linears }
    }
}

extension TransformerShape {
    /// A weight tensor of the files.
    public struct Weight: Equatable, Sendable {
        /// Its name in a state dict.
        public let name: String
        /// Its shape there.
        public let shape: [Int]
    }

    /// Every tensor that the model needs, in the order of a forward pass; a tied head is the embedding and none of its own.
    public var weights: [Weight] {
        var result = [Weight(name: embedding + ".weight", shape: [vocabulary, width])]
        if let positions { result.append(Weight(name: positions.name + ".weight", shape: [positions.count, width])) }
        func add(_ norm: Norm) {
            result.append(Weight(name: norm.name + ".weight", shape: [width]))
            if norm.kind == .layer { result.append(Weight(name: norm.name + ".bias", shape: [width])) }
        }
        func add(_ linear: Linear) {
            let shape = linear.isConv1D ? [linear.inputs, linear.outputs] : [linear.outputs, linear.inputs]
            result.append(Weight(name: linear.name + ".weight", shape: shape))
            if linear.hasBias { result.append(Weight(name: linear.name + ".bias", shape: [linear.outputs])) }
        }
        for layer in layers {
            add(layer.attentionNorm)
            for linear in layer.attention.projections.linears + [layer.attention.output] { add(linear) }
            add(layer.mlpNorm)
            for linear in layer.mlp.linears { add(linear) }
        }
        add(finalNorm)
        if !isHeadTied { result.append(Weight(name: head + ".weight", shape: [vocabulary, width])) }
        return result
    }

    /// The linear maps of all layers, in the order in which they run.
    var linears: [Linear] { layers.flatMap(\.linears) }
}
