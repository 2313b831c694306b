internal import CKernels

/// A transformer's weights as its passes read them: one block, so an optimiser's update is one loop.
///
/// Every linear map is [outputs, inputs] here, whatever files hold.
final class TransformerWeights {
    /// A linear map's places in the block.
    struct Linear {
        let weight: Int
        let bias: Int?
        let inputs: Int
        let outputs: Int
        /// Its index among the modules that can be decomposed.
        let module: Int?
    }

    /// A norm's places in the block.
    struct Norm {
        let weight: Int
        let bias: Int?
        let epsilon: Float
    }

    /// One layer.
    struct Layer {
        let shape: TransformerShape.Layer
        let attentionNorm: Norm
        let projections: [Linear]
        let output: Linear
        let mlpNorm: Norm
        /// Gate and up, or the plain MLP's first map.
        let hidden: [Linear]
        let down: Linear
    }

    let shape: TransformerShape
    let modules: [LanguageModule]
    let layers: [Layer]
    let embedding: Int
    let positions: Int?
    let finalNorm: Norm
    /// The head's place; the embedding's if it is tied.
    let head: Int
    let block: Storage
    private let places: [String: Int]

    /// Lays a shape's weights out, all zero.
    init(shape: TransformerShape) {
        var places: [String: Int] = [:]
        var next = 0
        for weight in shape.weights {
            places[weight.name] = next
            next += (weight.shape.reduce(1, *) + 15) & ~15
        }
        let modules = shape.modules
        func place(_ name: String) -> Int {
            guard let place = places[name] else { preconditionFailure("\(name) is not a weight of this shape") }
            return place
        }
        func norm(_ norm: TransformerShape.Norm) -> Norm {
            Norm(
                weight: place(norm.name + ".weight"),
                bias: norm.kind == .layer ? place(norm.name + ".bias") : nil, epsilon: norm.epsilon)
        }
        func linear(_ linear: TransformerShape.Linear) -> Linear {
            Linear(
                weight: place(linear.name + ".weight"), bias: linear.hasBias ? place(linear.name + ".bias") : nil,
                inputs: linear.inputs, outputs: linear.outputs,
                module: modules.firstIndex { $0.name == linear.name })
        }
        layers = shape.layers.map { layer in
            let mlp = layer.mlp.linears
            return Layer(
                shape: layer, attentionNorm: norm(layer.attentionNorm),
                projections: layer.attention.projections.linears.map(linear), output: linear(layer.attention.output),
                mlpNorm: norm(layer.mlpNorm), hidden: mlp.dropLast().map(linear), down: linear(mlp[mlp.count - 1]))
        }
        embedding = place(shape.embedding + ".weight")
        positions = shape.positions.map { place($0.name + ".weight") }
        finalNorm = norm(shape.finalNorm)
        head = place((shape.isHeadTied ? shape.embedding : shape.head) + ".weight")
        block = Storage(count: next)
        self.shape = shape
        self.modules = modules
        self.places = places
    }

    /// Lays out a transformer's weights.
    convenience init(_ transformer: Transformer) {
        self.init(shape: transformer.shape)
        for (name, tensor) in transformer.weights { set(name, tensor) }
    }

    /// The weights' start.
    var pointer: Floats { block.pointer }

    /// Replaces a weight by one as files hold it.
    func set(_ name: String, _ tensor: Tensor) {
        guard let place = places[name] else { return }
        let values = conv1Ds.contains(name) ? tensor.transposed.values : tensor.values
        (pointer + place).update(from: values, count: values.count)
    }

    /// The weights as files hold them.
    var stateDict: StateDict {
        var result: StateDict = [:]
        for weight in shape.weights {
            guard let place = places[weight.name] else { continue }
            let values = block.values(place, weight.shape.reduce(1, *))
            result[weight.name] =
                conv1Ds.contains(weight.name)
                ? Tensor(shape: weight.shape.reversed(), values: values).transposed
                : Tensor(shape: weight.shape, values: values)
        }
        return result
    }

    private var conv1Ds: Set<String> { Set(shape.linears.filter(\.isConv1D).map { $0.name + ".weight" }) }
}

extension TransformerShape.Activation {
    var code: Int32 {
        switch self {
        case .silu: Int32(CK_SILU)
        case .relu: Int32(CK_RELU)
        case .gelu: Int32(CK_GELU)
        case .tanhGelu: Int32(CK_TANH_GELU)
        }
    }
}
