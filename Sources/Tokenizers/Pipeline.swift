/// The parts of a tokenizer, in the order in which a text passes them.
struct Pipeline: Sendable {
    var added = AddedTokens()
    var normalizer: Normalizer?
    var preTokenizer: PreTokenizer?
    let model: Model
    var postProcessor: PostProcessor?
    var decoder: Decoder?
    /// Where long words may be cut, if the pre-tokenizer leaves any.
    private let cuts: BPECuts?

    init(model: Model, preTokenizer: PreTokenizer?) {
        self.model = model
        self.preTokenizer = preTokenizer
        if case .bpe(let bpe) = model, !(preTokenizer?.makesWords ?? false) {
            cuts = BPECuts(bpe)
        } else {
            cuts = nil
        }
    }

    /// Encodes a text that is valid UTF-8.
    func encode(
        _ text: UTF8Text, _ encoder: Encoder, wantsOffsets: Bool, addSpecialTokens: Bool
    ) throws(TokenizerError) -> EncodedPart {
        let tracksOffsets = wantsOffsets || preTokenizer?.needsOrigins ?? false
        encoder.text.set(to: text, tracksOffsets: tracksOffsets)
        if added.hasOriginal { encoder.text.extract(added.splitOriginal) }
        if let normalizer {
            try normalizer.apply(to: &encoder.text)
            encoder.text.settleOrigins()
        }
        if added.hasNormalized { encoder.text.extract(added.splitNormalized) }
        try preTokenizer?.apply(to: &encoder.text)
        var parts = [try wantsOffsets ? alignedTokens(of: text, encoder) : tokens(encoder)]
        postProcessor?.apply(to: &parts, addSpecialTokens: addSpecialTokens)
        guard let first = parts.first else { return EncodedPart() }
        return parts.dropFirst().reduce(first, +)
    }

    /// The numbers of all pieces' tokens.
    private func tokens(_ encoder: Encoder) throws(TokenizerError) -> EncodedPart {
        let text = encoder.text
        try encode(text, &encoder.words)
        var part = EncodedPart()
        part.ids = encoder.words.tokens.ids
        return part
    }

    /// One access to the encoder's memory for all words: to ask for it at each of them costs a tenth of the time.
    private func encode(_ split: SplitText, _ words: inout Encoder.Words) throws(TokenizerError) {
        words.tokens.removeAll()
        try split.text.withText { (text) throws(TokenizerError) in
            for piece in split.pieces {
                if let index = piece.added {
                    words.tokens.append(split.found[index].id, 0, 0)
                } else {
                    try encode(word: text.slice(piece.range), &words)
                }
            }
        }
    }

    /// Appends a word's tokens.
    private func encode(word: UTF8Text, _ words: inout Encoder.Words) throws(TokenizerError) {
        guard word.count > WordCache.longestWord, let cuts else {
            try encodeWhole(word, &words)
            return
        }
        try cuts.forEachPart(of: word) { (range) throws(TokenizerError) in
            let first = words.tokens.count
            try encodeWhole(word.slice(range), &words)
            words.tokens.shift(from: first, by: range.lowerBound)
        }
    }

    private func encodeWhole(_ word: UTF8Text, _ words: inout Encoder.Words) throws(TokenizerError) {
        guard word.count <= WordCache.longestWord else {
            try model.encode(word, &words.memory, into: &words.tokens)
            return
        }
        if words.cache.append(word, to: &words.tokens) { return }
        let first = words.tokens.count
        try model.encode(word, &words.memory, into: &words.tokens)
        words.cache.keep(word, words.tokens, from: first)
    }

    // MARK: Offsets

    private func alignedTokens(of original: UTF8Text, _ encoder: Encoder) throws(TokenizerError) -> EncodedPart {
        let characters = CharacterIndex(original)
        let wantsSpaces = postProcessor?.trimsOffsets ?? false
        var part = EncodedPart()
        let aligned = encoder.text.text
        try aligned.withText { (text) throws(TokenizerError) in
            for piece in encoder.text.pieces {
                if let index = piece.added {
                    let found = encoder.text.found[index]
                    part.ids.append(found.id)
                    part.offsets.append(characters.range(from: found.start, to: found.end))
                    if wantsSpaces {
                        part.spaces.append(found.text.withUnsafeBufferPointer { EncodedPart.spaces(of: $0) })
                    }
                    continue
                }
                encoder.words.tokens.removeAll()
                let word = text.slice(piece.range)
                try encode(word: word, &encoder.words)
                let tokens = encoder.words.tokens
                for token in 0..<tokens.count {
                    let range = Int(tokens.starts[token])..<Int(tokens.ends[token])
                    let id = tokens.ids[token]
                    part.ids.append(id)
                    part.offsets.append(Self.offsets(of: range, in: piece, aligned, characters))
                    if wantsSpaces { part.spaces.append(spaces(of: id, word, range)) }
                }
            }
        }
        return part
    }

    private static func offsets(
        of range: Range<Int>, in piece: Piece, _ text: AlignedText, _ characters: CharacterIndex
    ) -> Range<Int> {
        if range.isEmpty {
            return characters.range(from: piece.origin + range.lowerBound, to: piece.origin + range.lowerBound)
        }
        // A token of a suffix that is in no text has no place there; its place in the word is given instead.
        guard range.upperBound <= piece.range.count else {
            return characters.range(from: range.lowerBound, to: range.upperBound)
        }
        let first = piece.range.lowerBound + range.lowerBound
        let last = piece.range.lowerBound + range.upperBound - 1
        return characters.range(from: text.starts[first], to: text.ends[last])
    }

    /// The spaces at a token's ends: Unigram shows unknown text as it is, the other models as their unknown token.
    private func spaces(of id: UInt32, _ word: UTF8Text, _ range: Range<Int>) -> (leading: Int, trailing: Int) {
        if case .unigram(let unigram) = model, unigram.isUnknown(id), range.upperBound <= word.count {
            return EncodedPart.spaces(of: word.slice(range))
        }
        return model.text(of: id)?.withUnsafeBufferPointer { EncodedPart.spaces(of: $0) } ?? (0, 0)
    }
}

/// What encoding a text needs besides the tokenizer: its memory, and the words that it has seen.
///
/// Sendable by promise: a tokenizer gives an encoder to one caller at a time.
final class Encoder: @unchecked Sendable {
    var text = SplitText()
    var words = Words()

    /// What encoding words needs.
    struct Words {
        var memory = ModelMemory()
        var cache = WordCache()
        var tokens = TokenList()
    }
}

/// The number of the character that each byte of a text belongs to.
struct CharacterIndex {
    private var numbers: [Int] = []

    init(_ text: UTF8Text) {
        numbers.reserveCapacity(text.count)
        var number = -1
        for byte in text {
            if byte & 0xC0 != 0x80 { number += 1 }
            numbers.append(number)
        }
    }

    /// The characters of a range of bytes, counted as the reference library does where it reaches the end.
    func range(from start: Int, to end: Int) -> Range<Int> {
        guard numbers.indices.contains(start) else { return start..<max(start, end) }
        let first = numbers[start]
        if numbers.indices.contains(end) { return first..<max(first, numbers[end]) }
        let last = numbers.indices.contains(end - 1) ? numbers[end - 1] : first + 1
        return first..<max(first, last + 1)
    }
}
