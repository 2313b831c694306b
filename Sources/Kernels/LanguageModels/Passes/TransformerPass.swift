internal import CKernels

/// A transformer's passes over some rows of tokens at once, forward and back, from the embedding to the final norm.
///
/// Activations are feature-major, (features, places), the places of one row behind those of the row before. One thread
/// leads a pass and shares its pieces with a crew: columns of places, an attention's heads. The pass has its own memory.
final class TransformerPass {
    /// How many rows of tokens a pass takes at most, and how long they are.
    let capacity: Int
    let length: Int
    let weights: TransformerWeights
    /// The weights' packed maps; nil while the weights are trained.
    let maps: PackedMaps?
    let rotary: RotaryTables
    let crew: Crew
    /// Each layer's queries, in ranges that threads share.
    let ranges: [[ck_queries]]
    /// Tokens of the current rows (rows, length).
    private(set) var tokens: UnsafePointer<Int32>?
    private(set) var rows = 0
    /// Where gradients of the weights go, laid out like the weights; nil leaves the weights alone.
    var weightGradients: Floats?

    let attentionMemory: PerThread<AttentionMemory>
    let dStream: Floats
    let dNormed: Floats
    let dProjected: Floats
    let dMixed: Floats
    let dHidden: Floats
    let dActed: Floats
    /// What each piece of an attention gives to the gradients of keys and values, where threads share them.
    let attentionSums: Floats
    private let storage: Storage

    /// Prepares passes over up to `capacity` rows.
    init(
        weights: TransformerWeights, maps: PackedMaps? = nil, rotary: RotaryTables, capacity: Int, length: Int,
        crew: Crew = .alone, memory: PerThread<AttentionMemory>
    ) {
        self.weights = weights
        self.maps = maps
        self.rotary = rotary
        self.crew = crew
        attentionMemory = memory
        self.capacity = capacity
        self.length = length
        let shape = weights.shape
        let places = capacity * length
        ranges = shape.layers.map { AttentionCuts.ranges($0.attention, rows: capacity, length: length) }
        let sums = zip(shape.layers, ranges).map { layer, ranges in
            capacity * layer.attention.heads * ranges.count * ck_attention_sums(layer.attention.headSize, length)
        }
        func most(_ count: (TransformerShape.Layer) -> Int) -> Int { (shape.layers.map(count).max() ?? 0) * places }
        let (storage, blocks) = Storage.blocks([
            crew.isAlone ? 0 : sums.max() ?? 0,
            shape.width * places, shape.width * places,
            most { ($0.attention.heads + 2 * $0.attention.keyValueHeads) * $0.attention.headSize },
            most { $0.attention.heads * $0.attention.headSize },
            most { ($0.mlp.linears.count - 1) * $0.mlp.hidden }, most { $0.mlp.hidden },
        ])
        self.storage = storage
        attentionSums = blocks[0]
        dStream = blocks[1]
        dNormed = blocks[2]
        dProjected = blocks[3]
        dMixed = blocks[4]
        dHidden = blocks[5]
        dActed = blocks[6]
    }

    /// How many places the current rows have.
    var places: Int { rows * length }

    /// Loads some rows of tokens (rows, length), which stay the caller's.
    func load(_ tokens: UnsafePointer<Int32>, rows: Int) {
        self.tokens = tokens
        self.rows = rows
    }

    /// Runs `body` for columns of the current places: all of a block's, shared by the crew.
    ///
    /// A product's columns do not depend on each other where the maps are packed; where they are not, and on one thread, all
    /// go together.
    func forEachColumns(_ body: (Range<Int>) -> Void) {
        if maps == nil || crew.isAlone {
            body(0..<places)
        } else {
            crew.shareColumns(places, body)
        }
    }

    /// Adds columns of x (features, places) to `out`.
    func add(_ x: Floats, to out: Floats, features: Int, _ columns: Range<Int>) {
        for f in 0..<features {
            let start = f * places + columns.lowerBound
            ck_add(out + start, x + start, columns.count)
        }
    }

    /// Turns columns of queries and keys by their positions' angles, or back.
    func turn(
        _ layer: TransformerWeights.Layer, _ projected: Floats, _ index: Int, direction: Float, _ columns: Range<Int>
    ) {
        guard let table = rotary.layers[index] else { return }
        let heads = HeadPlaces(layer.shape.attention, places: places)
        for offset in (0..<heads.count).map(heads.query) + (0..<heads.keyValueCount).map(heads.key(_:)) {
            ck_rotate(
                projected + offset, table.cosine.pointer, table.sine.pointer, direction, table.half, length,
                columns.lowerBound, columns.count, places)
        }
    }
}

/// Where each head's queries, keys and values lie among a layer's projections.
struct HeadPlaces {
    let count: Int
    let keyValueCount: Int
    /// One head's block.
    private let size: Int
    private let isByHead: Bool

    init(_ attention: TransformerShape.Attention, places: Int) {
        count = attention.heads
        keyValueCount = attention.keyValueHeads
        size = attention.headSize * places
        if case .joinedByHead = attention.projections { isByHead = true } else { isByHead = false }
    }

    func query(_ head: Int) -> Int { (isByHead ? 3 * head : head) * size }
    func key(_ head: Int) -> Int { (isByHead ? 3 * head + 1 : count + head) * size }
    func value(_ head: Int) -> Int { (isByHead ? 3 * head + 2 : count + keyValueCount + head) * size }
    func output(_ head: Int) -> Int { head * size }

    /// The keys that a query head sees.
    func key(of head: Int) -> Int { key(head * keyValueCount / count) }
    func value(of head: Int) -> Int { value(head * keyValueCount / count) }
}
