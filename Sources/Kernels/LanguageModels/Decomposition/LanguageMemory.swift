/// How much memory a language model's decomposition takes, according to the shapes: only what is sure to be allocated.
public struct LanguageMemory: Sendable, Equatable {
    /// The whole of it, without the program.
    public let bytes: Double

    /// Estimates it.
    ///
    /// - Parameters:
    ///   - shape: The model.
    ///   - settings: What is computed.
    ///   - length: The tokens of a row.
    /// - Throws: a pattern that matches nothing or what cannot be decomposed.
    public init(of shape: TransformerShape, settings: DecompositionSettings, length: Int) throws(KernelError) {
        // In numbers that cannot overflow: a config may name any size.
        let modules = try shape.modules(matching: settings.modulePatterns)
        let parameters = shape.weights.reduce(0.0) { $0 + $1.shape.reduce(1) { $0 * Double($1) } }
        let (c, count) = (Double(settings.subcomponents), Double(modules.count))
        let neurons = Double(settings.gateNeurons)
        let gates = count * c * (neurons == 0 ? 2 : 3 * neurons + 1)
        let vectors = modules.reduce(0) { $0 + c * (Double($1.inputs) + Double($1.outputs)) }
        let own = modules.reduce(0) { $0 + Double($1.inputs) * Double($1.outputs) }
        // Parameters, gradients, two moments; and while the state is saved, a copy of all but the gradients.
        let trained = 7 * (vectors + gates)
        let width = Double(shape.width)
        let gram = settings.outputLoss == .mse ? width * width : 0

        let row = max(length, 1)
        let rows = max(settings.batchSize, 1)
        let parts = LanguageDecomposition.parts(rows: rows, length: row, shape: shape)
        let ofPart = (rows + parts - 1) / parts
        let places = Double(min(shape.rowsPerPass(length: row), ofPart)) * Double(row)
        // Two passes keep what the way back needs of some layers; what the others leave is overwritten.
        let layers = shape.layers.map { layer in
            LayerMemory.counts(layer, width: shape.width, places: 1).reduce(0.0) { $0 + Double($1) }
        }
        let decomposed = Set(modules.compactMap(\.stage.layer))
        let first = modules.map { $0.stage == .embedding ? 0 : $0.stage.layer ?? layers.count }.min() ?? 0
        let kept = { (isKept: (Int) -> Bool) in layers.indices.filter(isKept).reduce(0.0) { $0 + layers[$1] } }
        let activations = kept { decomposed.contains($0) } + kept { $0 >= first } + 2 * (layers.max() ?? 0) + 8 * width
        let shares = modules.reduce(0.0) { sum, module in
            switch module.kind {
            case .linear, .head: sum + 8 * c * places
            case .positions: sum + c * (8 * Double(row) + 3 * places)
            case .tokens: sum + c * (8 * min(Double(ofPart) * Double(row), Double(shape.vocabulary)) + 3 * places)
            }
        }
        // An embedding's V has no sums.
        let sums = modules.reduce(gates) {
            $0 + c * (Double($1.outputs) + ($1.kind.isEmbedding ? 0 : Double($1.inputs)))
        }
        let part = places * (activations + 4 * c) + shares + sums
        let packed = PackedMaps.count(of: shape, backTo: modules.map(\.stage).min() ?? .head)
        // Linear maps' subcomponents are packed for both directions, a head's U is not.
        let packedVectors = modules.reduce(0.0) {
            $0 + 2 * c * (($1.kind.isEmbedding ? 0 : Double($1.inputs)) + ($1.kind == .linear ? Double($1.outputs) : 0))
        }
        bytes = 4 * (2 * parameters + packed + packedVectors + own + trained + gram + Double(parts) * part)
    }
}
