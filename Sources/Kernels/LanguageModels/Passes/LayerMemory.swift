internal import CKernels

/// Where a pass leaves one layer's activations (features, places), which the way back needs again.
///
/// The blocks may be shared: a run that begins in the middle of a layer reads what the clean pass has left.
struct LayerMemory {
    /// The residual stream that the layer reads.
    var input: Floats
    /// Its norm, and the norm's statistics: means, then inverse standard deviations (2, places).
    var normed: Floats
    var normedStatistics: Floats
    /// Queries, keys and values, as the projections leave them.
    var projected: Floats
    /// The logarithm of each query's sum of exponentials (heads, places).
    var logSums: Floats
    /// The heads' results side by side.
    var mixed: Floats
    /// The residual stream behind attention.
    var middle: Floats
    /// What the MLP reads, and its norm's statistics.
    var mlpNormed: Floats
    var mlpStatistics: Floats
    /// What the nonlinearity reads: gate and up (2, m, places), or the plain MLP's.
    var hidden: Floats
    /// What the last map reads.
    var acted: Floats
    /// The residual stream behind the layer.
    var output: Floats

    /// The sizes of a layer's blocks, but for its input, in the order of the properties.
    static func counts(_ layer: TransformerShape.Layer, width: Int, places: Int) -> [Int] {
        let attention = layer.attention
        let projected = (attention.heads + 2 * attention.keyValueHeads) * attention.headSize
        let (hidden, maps) = (layer.mlp.hidden, layer.mlp.linears.count - 1)
        return [
            width, 2, projected, attention.heads, attention.heads * attention.headSize, width, width, 2,
            maps * hidden, hidden, width,
        ].map { $0 * places }
    }

    init(input: Floats, blocks: some Collection<Floats>) {
        var rest = blocks.makeIterator()
        func take() -> Floats {
            guard let block = rest.next() else { preconditionFailure("a layer has eleven blocks") }
            return block
        }
        self.input = input
        normed = take()
        normedStatistics = take()
        projected = take()
        logSums = take()
        mixed = take()
        middle = take()
        mlpNormed = take()
        mlpStatistics = take()
        hidden = take()
        acted = take()
        output = take()
    }
}

/// The activations of a pass over some rows of tokens: kept for the layers that are asked for, else overwritten by the
/// next layer.
final class PassMemory {
    /// What the first layer reads.
    let embedded: Floats
    /// What each layer has left, or is about to overwrite.
    var layers: [LayerMemory]
    /// The residual stream after the last layer is the last layer's `output`; this is its norm and its statistics.
    var finalNormed: Floats
    var finalStatistics: Floats
    private let storage: Storage

    init(shape: TransformerShape, places: Int, keeping kept: (Int) -> Bool) {
        let width = shape.width
        let countsByLayer = shape.layers.map { LayerMemory.counts($0, width: width, places: places) }
        // Layers that are not kept share one set of blocks, but for the streams that lead from one to the next.
        var shared = Array(repeating: 0, count: 11)
        for (index, counts) in countsByLayer.enumerated() where !kept(index) {
            for (place, count) in counts.enumerated() { shared[place] = max(shared[place], count) }
        }
        let hasShared = shape.layers.indices.contains { !kept($0) }
        var counts = [width * places, width * places, 2 * places]
        let sharedStart = counts.count
        if hasShared { counts += shared + [width * places] }
        var starts: [Int?] = []
        // A kept layer's input outlives the pass, too: runs begin with it.
        var outputs: [Int?] = []
        for (index, own) in countsByLayer.enumerated() {
            starts.append(kept(index) ? counts.count : nil)
            if kept(index) { counts += own }
            let feedsKept = !kept(index) && index + 1 < countsByLayer.count && kept(index + 1)
            outputs.append(feedsKept ? counts.count : nil)
            if feedsKept { counts.append(width * places) }
        }
        let (storage, blocks) = Storage.blocks(counts)
        self.storage = storage
        embedded = blocks[0]
        finalNormed = blocks[1]
        finalStatistics = blocks[2]
        layers = []
        var stream = blocks[0]
        for (start, output) in zip(starts, outputs) {
            if let start {
                layers.append(LayerMemory(input: stream, blocks: blocks[start..<start + 11]))
            } else {
                var own = Array(blocks[sharedStart..<sharedStart + 11])
                // Two streams take turns, so a layer never writes where it reads.
                if own[10] == stream { own[10] = blocks[sharedStart + 11] }
                if let output { own[10] = blocks[output] }
                layers.append(LayerMemory(input: stream, blocks: own))
            }
            stream = layers[layers.count - 1].output
        }
    }
}
