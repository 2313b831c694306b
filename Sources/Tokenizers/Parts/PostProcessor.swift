/// What is done to a text's tokens at the end: special tokens around them, spaces out of their offsets.
indirect enum PostProcessor: Sendable {
    /// One part of a template: the text's tokens, or special tokens.
    enum Piece: Sendable {
        case text
        case special([UInt32], texts: [[UInt8]])
    }

    case sequence([PostProcessor])
    case byteLevel(trimsOffsets: Bool, addsPrefixSpace: Bool)
    case template([Piece])
    case bert(first: Piece, last: Piece)
    case roberta(first: Piece, last: Piece, trimsOffsets: Bool, addsPrefixSpace: Bool)

    /// Applies it to the parts that make up the result: one at first.
    func apply(to parts: inout [EncodedPart], addSpecialTokens: Bool) {
        switch self {
        case .sequence(let processors):
            for processor in processors { processor.apply(to: &parts, addSpecialTokens: addSpecialTokens) }
        case .byteLevel(let trims, let addsPrefixSpace):
            if trims { Self.trim(&parts, addsPrefixSpace) }
        case .template(let pieces):
            guard let text = parts.first else { return }
            parts = pieces.compactMap { piece in
                switch piece {
                case .text: text
                case .special: addSpecialTokens ? EncodedPart(special: piece) : nil
                }
            }
        case .bert(let first, let last):
            if addSpecialTokens { Self.surround(&parts, first, last) }
        case .roberta(let first, let last, let trims, let addsPrefixSpace):
            if trims { Self.trim(&parts, addsPrefixSpace) }
            if addSpecialTokens { Self.surround(&parts, first, last) }
        }
    }

    /// Whether offsets lose the spaces at a token's ends.
    var trimsOffsets: Bool {
        switch self {
        case .sequence(let processors): processors.contains { $0.trimsOffsets }
        case .byteLevel(let trims, _), .roberta(_, _, let trims, _): trims
        case .template, .bert: false
        }
    }

    private static func surround(_ parts: inout [EncodedPart], _ first: Piece, _ last: Piece) {
        guard var part = parts.first else { return }
        part = EncodedPart(special: first) + part + EncodedPart(special: last)
        parts = [part]
    }

    private static func trim(_ parts: inout [EncodedPart], _ addsPrefixSpace: Bool) {
        for part in parts.indices { parts[part].trimOffsets(addsPrefixSpace: addsPrefixSpace) }
    }
}

/// Tokens with their offsets, on their way to the result.
struct EncodedPart {
    var ids: [UInt32] = []
    /// Characters of the original text; empty if nobody asked for them.
    var offsets: [Range<Int>] = []
    /// How many spaces each token begins and ends with; empty if nothing depends on it.
    var spaces: [(leading: Int, trailing: Int)] = []

    init() {}

    init(special piece: PostProcessor.Piece) {
        guard case .special(let ids, let texts) = piece else { return }
        self.ids = ids
        offsets = ids.map { _ in 0..<0 }
        spaces = texts.map { $0.withUnsafeBufferPointer { Self.spaces(of: $0) } }
    }

    static func + (left: EncodedPart, right: EncodedPart) -> EncodedPart {
        var sum = left
        sum.ids += right.ids
        sum.offsets += right.offsets
        sum.spaces += right.spaces
        return sum
    }

    /// The spaces at a token's ends, ByteLevel's letter for a space among them.
    static func spaces(of text: UTF8Text) -> (leading: Int, trailing: Int) {
        let scalars = text.scalars(in: 0..<text.count)
        let isSpace = { $0 == ByteLevelAlphabet.space || CharacterClass.isWhitespace($0) }
        return (scalars.prefix(while: isSpace).count, scalars.reversed().prefix(while: isSpace).count)
    }

    mutating func trimOffsets(addsPrefixSpace: Bool) {
        guard offsets.count == spaces.count else { return }
        for index in offsets.indices {
            var (start, end) = (offsets[index].lowerBound, offsets[index].upperBound)
            var leading = spaces[index].leading
            let trailing = spaces[index].trailing
            if leading > 0 {
                // The one space that was put before the text is none of the text's.
                if index == 0 || start == 0, addsPrefixSpace, leading == 1 { leading = 0 }
                start = min(start + leading, end)
            }
            if trailing > 0, end >= trailing { end = max(end - trailing, start) }
            offsets[index] = start..<end
        }
    }
}
