/// Where a long text can be cut without changing what BPE makes of it.
///
/// Some tokenizers (Llama 2's) hand whole documents to the model. No merge joins two characters that stand side by side
/// in no token, so the text may be cut there, and its words be looked up one by one.
struct BPECuts: Sendable {
    private var neighbours: PairTable<Bool>
    private var single: PairTable<Bool>

    /// Nil if characters are more than tokens of their own (with prefixes, suffixes, or whole words first) or less
    /// (left out where unknown).
    init?(_ model: BPE) {
        guard model.isPlain else { return nil }
        let tokens = model.vocabulary.all
        neighbours = PairTable(capacity: tokens.count * 4)
        single = PairTable(capacity: 1024)
        for token in tokens {
            let scalars = token.content.withUnsafeBufferPointer { $0.scalars(in: 0..<$0.count) }
            if scalars.count == 1 { single[scalars[0], 0] = true }
            for (left, right) in zip(scalars, scalars.dropFirst()) { neighbours[left, right] = true }
        }
    }

    /// Calls with each part of the text, in order.
    func forEachPart(
        of text: UTF8Text, _ body: (Range<Int>) throws(TokenizerError) -> Void
    ) throws(TokenizerError) {
        var start = 0
        var index = 0
        var before: (scalar: UInt32, isSingle: Bool)?
        while index < text.count {
            let (scalar, length) = text.scalar(at: index)
            let isSingle = single[scalar, 0] != nil
            if let before, before.isSingle, isSingle, neighbours[before.scalar, scalar] == nil {
                try body(start..<index)
                start = index
            }
            before = (scalar, isSingle)
            index += length
        }
        if start < text.count { try body(start..<text.count) }
    }
}
