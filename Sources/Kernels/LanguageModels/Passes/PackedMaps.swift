/// The linear maps and the head of a frozen model, packed once for all products with them.
final class PackedMaps {
    /// How many tokens of the vocabulary a tile of the head has.
    static let tokensPerTile = 512
    /// By their places among the weights.
    private let linears: [Int: PackedMatrix]
    /// The head (vocabulary, width), `tokensPerTile` rows at a time.
    private let head: [PackedMatrix]

    /// Packs a model's maps, for gradients only behind `first`, where the way back ends.
    init(_ weights: TransformerWeights, backTo first: Stage) {
        let linears = weights.layers.enumerated().flatMap { index, layer in
            Self.maps(of: layer, index).map { ($0.map, $0.stage > first) }
        }
        self.linears = Dictionary(
            uniqueKeysWithValues: linears.map { map, goesBack in
                let packed = PackedMatrix(rows: map.outputs, columns: map.inputs, goesBack: goesBack)
                packed.pack(weights.pointer + map.weight)
                return (map.weight, packed)
            })
        let (vocabulary, width) = (weights.shape.vocabulary, weights.shape.width)
        head = stride(from: 0, to: vocabulary, by: Self.tokensPerTile).map { token in
            let packed = PackedMatrix(rows: min(Self.tokensPerTile, vocabulary - token), columns: width)
            packed.pack(weights.pointer + weights.head + token * width)
            return packed
        }
    }

    /// The packed form of a linear map.
    subscript(_ map: TransformerWeights.Linear) -> PackedMatrix? { linears[map.weight] }

    /// The packed rows of the head from a tile's first token on.
    func head(from token: Int) -> PackedMatrix { head[token / Self.tokensPerTile] }

    private static func maps(
        of layer: TransformerWeights.Layer, _ index: Int
    ) -> [(map: TransformerWeights.Linear, stage: Stage)] {
        layer.projections.map { ($0, .projections(index)) } + [(layer.output, .attention(index))]
            + layer.hidden.map { ($0, .hidden(index)) } + [(layer.down, .mlpOutput(index))]
    }

    /// How many floats they take, according to the shape.
    static func count(of shape: TransformerShape, backTo first: Stage) -> Double {
        shape.linearsByStage.reduce(2 * Double(shape.vocabulary) * Double(shape.width)) { sum, step in
            let weights = step.linears.reduce(0) { $0 + Double($1.inputs) * Double($1.outputs) }
            return sum + weights * (step.stage > first ? 2 : 1)
        }
    }
}
