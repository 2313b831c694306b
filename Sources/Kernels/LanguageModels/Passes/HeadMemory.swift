import Glibc

/// A thread's tiles of a head's logits and what goes with some places at a time.
final class HeadMemory {
    /// What the head reads at the current places (width, columns).
    let chunk: Floats
    /// Logits (tokens, columns) or their gradients, and others that they are held against.
    let tile: Floats
    let otherTile: Floats
    /// Sums over the vocabulary (width, columns).
    let sums: Floats
    /// By column: the largest logit, and what earlier sums shrink by when it grows.
    let tops: Floats
    let rescale: Floats
    /// By column: the logarithms of sums of exponentials.
    let logs: Floats
    let otherLogs: Floats
    /// By column: the sum of exponentials relative to the largest.
    let totals: UnsafeMutablePointer<Double>
    private let storage: Storage

    private init(_ shape: TransformerShape, columns: Int, isDecomposed: Bool) {
        let tile = Self.tokens(shape) * columns
        let (storage, blocks) = Storage.blocks(
            [tile, isDecomposed ? tile : 0, shape.width * columns, shape.width * columns]
                + Array(repeating: columns, count: 4))
        self.storage = storage
        self.tile = blocks[0]
        otherTile = blocks[1]
        sums = blocks[2]
        chunk = blocks[3]
        tops = blocks[4]
        rescale = blocks[5]
        logs = blocks[6]
        otherLogs = blocks[7]
        totals = .allocate(capacity: columns)
    }

    deinit {
        totals.deallocate()
    }

    /// Memory for each thread of a team, for up to `places` places that crews like this one share.
    static func each(
        of threads: Int, _ shape: TransformerShape, places: Int, crew: Crew = .alone, isDecomposed: Bool = false
    ) -> PerThread<HeadMemory> {
        let columns = min(max(fixedColumns, crew.columns(of: places)), places)
        return PerThread(threads: threads) { HeadMemory(shape, columns: columns, isDecomposed: isDecomposed) }
    }

    /// How many tokens of the vocabulary a tile has.
    static func tokens(_ shape: TransformerShape) -> Int { min(PackedMaps.tokensPerTile, shape.vocabulary) }

    /// How many places go through the vocabulary together where sums over places depend on it.
    static let fixedColumns = 128

    /// Prepares for another pass over the vocabulary.
    func restart(_ columns: Int) {
        tops.update(repeating: -.infinity, count: columns)
        totals.update(repeating: 0, count: columns)
    }

    /// log Z of a column.
    func logTotal(_ column: Int) -> Double { Double(tops[column]) + log(totals[column]) }
}
