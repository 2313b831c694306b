import JSON

/// The tokens found literally in a text, before any other processing.
struct AddedTokens: Sendable {
    struct Token: Sendable {
        let content: [UInt8]
        let isSingleWord: Bool
        let takesSpaceBefore: Bool
        let takesSpaceBehind: Bool
        let isNormalized: Bool
        let isSpecial: Bool
    }

    /// A stretch of a text: an added token, or what is between two.
    struct Match {
        let range: Range<Int>
        let id: UInt32?
    }

    /// The tokens by their numbers.
    private(set) var tokens: [UInt32: Token] = [:]
    /// What a normalized token is found as, and shown as when decoding.
    private(set) var normalizedContents: [UInt32: [UInt8]] = [:]
    private var ids = ByteStringTable()
    private var special = ByteStringTable()
    private var original = ByteTrie()
    private var normalized = ByteTrie()
    private(set) var hasOriginal = false
    private(set) var hasNormalized = false

    init() {}

    /// The `added_tokens` of a tokenizer.json.
    ///
    /// Their numbers follow from the model, as in the reference library: the model's own where it has the token, else
    /// the next one behind the vocabulary; what the file says is not looked at.
    init(_ place: JSONPlace, model: Model, normalizer: Normalizer?) throws(TokenizerError) {
        var nextID = model.vocabularySize
        for element in try place.elements() {
            let token = Token(
                content: Array(try element.required("content").string().utf8),
                isSingleWord: try element.required("single_word").bool(),
                takesSpaceBefore: try element.required("lstrip").bool(),
                takesSpaceBehind: try element.required("rstrip").bool(),
                isNormalized: try element.required("normalized").bool(),
                isSpecial: try element.required("special").bool())
            guard !token.content.isEmpty else { continue }
            let id: UInt32
            if let known = ids[token.content] ?? model.id(of: token.content) {
                id = known
            } else {
                guard let free = UInt32(exactly: nextID) else { throw element.unexpected("a number below 2^32") }
                id = free
                nextID += 1
            }
            ids.set(token.content, to: id)
            tokens[id] = token
            normalizedContents[id] = nil
            if token.isSpecial { special.set(token.content, to: id) }
            if token.isNormalized, let normalizer {
                let text = try Self.normalize(token.content, normalizer)
                // Nothing is found everywhere: the reference library cuts texts between all bytes then, if it ends at all.
                guard !text.isEmpty else {
                    throw element.unexpected(
                        "content of which the normalizer leaves something, or \"normalized\": false",
                        found: "\"content\": \(JSONValue.string(String(decoding: token.content, as: UTF8.self)).text)")
                }
                if text != token.content { normalizedContents[id] = text }
            }
        }
        for (id, token) in tokens.sorted(by: { $0.key > $1.key }) {
            if token.isNormalized {
                normalized.set(normalizedContents[id] ?? token.content, to: id)
                hasNormalized = true
            } else {
                original.set(token.content, to: id)
                hasOriginal = true
            }
        }
    }

    /// How many there are.
    var count: Int { ids.count }

    /// All of them, with their numbers.
    var all: [(content: [UInt8], id: UInt32)] {
        (0..<ids.count).map { (Array(ids.key(at: $0)), ids.value(at: $0)) }
    }

    func id(of content: some Collection<UInt8>) -> UInt32? { ids[content] }

    /// The text that a number is decoded as.
    func text(of id: UInt32) -> [UInt8]? {
        tokens[id].map { normalizedContents[id] ?? $0.content }
    }

    func isSpecial(_ text: [UInt8]) -> Bool { special[text] != nil }

    /// Splits a text at the tokens that are looked for in the original text.
    func splitOriginal(_ text: UTF8Text) -> [Match] { split(text, at: original) }

    /// Splits a text at the tokens that are looked for in the normalised text.
    func splitNormalized(_ text: UTF8Text) -> [Match] { split(text, at: normalized) }

    private static func normalize(_ content: [UInt8], _ normalizer: Normalizer) throws(TokenizerError) -> [UInt8] {
        var text = SplitText()
        content.withUnsafeBufferPointer { text.set(to: $0, tracksOffsets: false) }
        try normalizer.apply(to: &text)
        return text.pieces.first.map { Array(text.text.bytes[$0.range]) } ?? []
    }

    /// The earliest token, of those the longest, and so on behind it.
    private func split(_ text: UTF8Text, at trie: ByteTrie) -> [Match] {
        var matches: [Match] = []
        var searched = 0
        var covered = 0
        while searched < text.count {
            guard trie.canStart(with: text[searched]) else {
                searched += 1
                continue
            }
            var longest: (end: Int, id: UInt32)?
            trie.forEachMatch(in: text, at: searched) { longest = ($0, $1) }
            guard let (matchEnd, id) = longest, let token = tokens[id] else {
                searched += 1
                continue
            }
            var (start, end) = (searched, matchEnd)
            searched = matchEnd
            if token.isSingleWord {
                let isInWord =
                    (start > 0 && CharacterClass.isWord(text.scalar(at: text.scalarStart(before: start)).value))
                    || (end < text.count && CharacterClass.isWord(text.scalar(at: end).value))
                if isInWord { continue }
            }
            if token.takesSpaceBehind { end = Self.spaceEnd(text, from: end) }
            if token.takesSpaceBefore { start = min(max(Self.spaceStart(text, before: start), covered), end) }
            if covered < start { matches.append(Match(range: covered..<start, id: nil)) }
            matches.append(Match(range: start..<end, id: id))
            covered = end
        }
        if covered != text.count { matches.append(Match(range: covered..<text.count, id: nil)) }
        return matches
    }

    private static func spaceStart(_ text: UTF8Text, before index: Int) -> Int {
        var start = index
        while start > 0 {
            let before = text.scalarStart(before: start)
            guard CharacterClass.isWhitespace(text.scalar(at: before).value) else { break }
            start = before
        }
        return start
    }

    private static func spaceEnd(_ text: UTF8Text, from index: Int) -> Int {
        var end = index
        while end < text.count, case let (scalar, length) = text.scalar(at: end), CharacterClass.isWhitespace(scalar) {
            end += length
        }
        return end
    }
}
