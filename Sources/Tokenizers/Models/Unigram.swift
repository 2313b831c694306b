import JSON

/// The likeliest way to cut a word into tokens, each with its log-probability.
struct Unigram: Sendable {
    /// The best way to a place of a word: the token that ends there, and where it begins.
    struct Step {
        var id: UInt32
        var score: Double
        var start: Int
    }

    private let file: String
    private var texts: [[UInt8]] = []
    private var scores: [Double] = []
    private var ids: ByteStringTable
    private var trie = ByteTrie()
    private let unknown: UInt32?
    private let unknownScore: Double
    private let byteTokens: [UInt32?]?
    /// How much less likely than the least likely token an unknown character is.
    private static let unknownPenalty = 10.0

    init(_ place: JSONPlace) throws(TokenizerError) {
        file = place.file
        let vocabulary = try place.required("vocab")
        guard case .array(let elements) = vocabulary.value else { throw vocabulary.unexpected("an array") }
        ids = ByteStringTable(capacity: elements.count)
        for (index, element) in elements.enumerated() {
            guard case .array(let pair) = element, pair.count == 2, case .string(let text) = pair[0],
                let score = Self.score(pair[1]), let id = UInt32(exactly: index)
            else {
                throw JSONPlace(file: place.file, path: "\(vocabulary.path)[\(index)]", value: element)
                    .unexpected("a token and its log-probability")
            }
            texts.append(Array(text.utf8))
            scores.append(score)
            ids.set(text.utf8, to: id)
            trie.set(text.utf8, to: id)
        }
        unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
        if let unknownPlace = try place.member("unk_id") {
            let id = try unknownPlace.count()
            guard id < texts.count else { throw unknownPlace.unexpected("a number below \(texts.count)") }
            unknown = UInt32(id)
        } else {
            unknown = nil
        }
        let ids = ids
        byteTokens =
            try place.flag("byte_fallback", default: false)
            ? (UInt8.min...UInt8.max).map { ids[$0.byteToken] } : nil
    }

    /// A log-probability, rounded as the reference library's JSON reader rounds it.
    ///
    /// It divides all digits, taken as one number, by a power of ten. The last bit may differ from the nearest double's,
    /// and it separates ways that tie up to rounding.
    private static func score(_ value: JSONValue) -> Double? {
        guard case .number(let literal) = value, let nearest = Double(literal) else { return nil }
        var digits: UInt64 = 0
        var exponent = 0
        var isBehindPoint = false
        var rest = literal.utf8[...]
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        var isFull = false
        while let byte = rest.first, byte | 0x20 != UInt8(ascii: "e") {
            rest = rest.dropFirst()
            guard byte != UInt8(ascii: ".") else {
                isBehindPoint = true
                continue
            }
            let (tenfold, isOver) = digits.multipliedReportingOverflow(by: 10)
            let (next, isAbove) = tenfold.addingReportingOverflow(UInt64(byte &- UInt8(ascii: "0")))
            isFull = isFull || isOver || isAbove
            if isFull {
                // Digits that do not fit are dropped behind the point.
                guard isBehindPoint else { return nearest }
                continue
            }
            digits = next
            if isBehindPoint { exponent -= 1 }
        }
        if !rest.isEmpty {
            guard let written = Int(Substring(rest.dropFirst())) else { return nearest }
            exponent += written
        }
        guard abs(exponent) <= 308, let power = Double("1e\(abs(exponent))") else { return nearest }
        let size = exponent < 0 ? Double(digits) / power : Double(digits) * power
        return nearest.sign == .minus ? -size : size
    }

    var count: Int { texts.count }

    func isUnknown(_ id: UInt32) -> Bool { id == unknown }

    func id(of token: some Collection<UInt8>) -> UInt32? { ids[token] }

    func text(of id: UInt32) -> ArraySlice<UInt8>? { Int(id) < texts.count ? texts[Int(id)][...] : nil }

    func encode(_ word: UTF8Text, _ memory: inout ModelMemory, into tokens: inout TokenList) throws(TokenizerError) {
        try findPath(word, &memory)
        // Backwards from the end; unknown characters in a row are one.
        var cuts: [Range<Int>] = []
        var end = word.count
        var lastWasUnknown = false
        while end > 0 {
            let step = memory.path[end]
            let isUnknown = step.id == unknown
            if isUnknown, lastWasUnknown, let last = cuts.popLast() {
                cuts.append(step.start..<last.upperBound)
            } else {
                cuts.append(step.start..<end)
            }
            lastWasUnknown = isUnknown
            end = step.start
        }
        for cut in cuts.reversed() {
            if let id = ids[word.slice(cut)] {
                tokens.append(id, cut.lowerBound, cut.upperBound)
                continue
            }
            if let byteTokens {
                let bytes = word[cut].compactMap { byteTokens[Int($0)] }
                if bytes.count == cut.count {
                    for id in bytes { tokens.append(id, cut.lowerBound, cut.upperBound) }
                    continue
                }
            }
            guard let unknown else { throw .noUnknownToken(file: file, model: "Unigram") }
            tokens.append(unknown, cut.lowerBound, cut.upperBound)
        }
    }

    private func findPath(_ word: UTF8Text, _ memory: inout ModelMemory) throws(TokenizerError) {
        memory.path.removeAll(keepingCapacity: true)
        memory.path.append(contentsOf: repeatElement(Step(id: 0, score: 0, start: -1), count: word.count + 1))
        func offer(_ id: UInt32, _ score: Double, _ start: Int, _ end: Int) {
            guard memory.path[end].start < 0 || score > memory.path[end].score else { return }
            memory.path[end] = Step(id: id, score: score, start: start)
        }
        var start = 0
        while start < word.count {
            let length = word.scalar(at: start).length
            let before = memory.path[start].score
            var hasSingle = false
            trie.forEachMatch(in: word, at: start) { end, id in
                offer(id, scores[Int(id)] + before, start, end)
                if end - start == length { hasSingle = true }
            }
            if !hasSingle {
                let score = unknownScore + before
                let end = start + length
                if memory.path[end].start < 0 || score > memory.path[end].score {
                    guard let unknown else { throw .noUnknownToken(file: file, model: "Unigram") }
                    offer(unknown, score, start, end)
                }
            }
            start += length
        }
    }
}
