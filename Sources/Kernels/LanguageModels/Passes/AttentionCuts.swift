internal import CKernels

/// A thread's memory for one head of one row at a time.
final class AttentionMemory {
    let scratch: Floats
    /// What some queries give to the gradients of keys and values.
    let sums: Floats
    private let storage: Storage

    private init(_ shape: TransformerShape, length: Int) {
        let sizes = shape.layers.map(\.attention.headSize)
        let (storage, blocks) = Storage.blocks([
            sizes.map { ck_attention_scratch($0, length) }.max() ?? 0,
            sizes.map { ck_attention_sums($0, length) }.max() ?? 0,
        ])
        self.storage = storage
        scratch = blocks[0]
        sums = blocks[1]
    }

    /// Memory for each thread of a team.
    static func each(of threads: Int, _ shape: TransformerShape, length: Int) -> PerThread<AttentionMemory> {
        PerThread(threads: threads) { AttentionMemory(shape, length: length) }
    }
}

/// How the queries of an attention are cut for threads to share: where heads and rows are few, into ranges that see about
/// equally many keys.
enum AttentionCuts {
    /// The fewest pieces (rows, heads, ranges) that are aimed at, and the fewest queries of a range.
    private static let (pieces, fewest) = (16, 64)

    /// The ranges for `rows` rows of `length` tokens.
    static func ranges(_ attention: TransformerShape.Attention, rows: Int, length: Int) -> [ck_queries] {
        let count = min((pieces + rows * attention.heads - 1) / (rows * attention.heads), max(1, length / fewest))
        let seen = (0..<length).map { min($0 + 1, attention.window ?? length) }
        let all = seen.reduce(0, +)
        var (ranges, first, sum): ([ck_queries], Int, Int) = ([], 0, 0)
        for start in stride(from: 0, to: length, by: 16) {
            let end = min(start + 16, length)
            sum += seen[start..<end].reduce(0, +)
            guard sum * count >= all * (ranges.count + 1) || end == length else { continue }
            ranges.append(ck_queries(from: first, to: end))
            first = end
        }
        return ranges
    }
}
