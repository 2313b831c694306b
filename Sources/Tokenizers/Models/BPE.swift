import JSON

/// Byte pair encoding: a word's characters, joined pair by pair in the order of the merges.
struct BPE: Sendable {
    /// The token that two tokens merge into, and how early.
    struct Merge: Sendable {
        let rank: UInt32
        let id: UInt32
    }

    /// A token of a word while it is being merged; `length` 0 says that it has become part of the one before.
    struct Symbol {
        var id: UInt32
        var previous: Int
        var next: Int
        var length: Int
    }

    let vocabulary: Vocabulary
    let merges: PairTable<Merge>
    private let file: String
    private let unknown: UInt32?
    /// Whether characters outside the vocabulary are left out, as they are where no token is named for them.
    private let dropsUnknown: Bool
    private let prefix: [UInt8]
    private let suffix: [UInt8]
    private let fusesUnknown: Bool
    private let wordsFirst: Bool
    /// The tokens of single bytes, for characters outside the vocabulary.
    private let byteTokens: [UInt32?]?

    init(_ place: JSONPlace) throws(TokenizerError) {
        // Merges are left out by chance only while a model is trained; here a text has one encoding.
        if let dropout = try place.member("dropout"), try !(0...1).contains(dropout.number()) {
            throw dropout.unexpected("a number from 0 to 1, or null")
        }
        let vocabulary = try Vocabulary(try place.required("vocab"))
        try self.init(
            vocabulary: vocabulary, merges: try place.required("merges"), place: place,
            pairs: try Self.pairs(try place.required("merges")))
    }

    /// A model from its vocabulary and the pairs of its merges; `place` names its other settings, if any.
    init(vocabulary: Vocabulary, merges mergesPlace: JSONPlace, place: JSONPlace?, pairs: [(String, String)])
        throws(TokenizerError)
    {
        self.vocabulary = vocabulary
        file = mergesPlace.file
        prefix = Array(try place?.member("continuing_subword_prefix")?.string().utf8 ?? "".utf8)
        suffix = Array(try place?.member("end_of_word_suffix")?.string().utf8 ?? "".utf8)
        fusesUnknown = try place?.flag("fuse_unk", default: false) ?? false
        wordsFirst = try place?.flag("ignore_merges", default: false) ?? false
        unknown = try place?.member("unk_token").flatMap { (token) throws(TokenizerError) in
            vocabulary[try token.string().utf8]
        }
        dropsUnknown = try place?.member("unk_token") == nil
        if try place?.flag("byte_fallback", default: false) ?? false {
            byteTokens = (UInt8.min...UInt8.max).map { vocabulary[$0.byteToken] }
        } else {
            byteTokens = nil
        }
        var table = PairTable<Merge>(capacity: pairs.count)
        for (rank, (first, second)) in pairs.enumerated() {
            func id(of token: [UInt8]) throws(TokenizerError) -> UInt32 {
                guard let id = vocabulary[token] else {
                    throw .unexpected(
                        file: mergesPlace.file, path: "\(mergesPlace.path)[\(rank)]",
                        expected: "tokens of the vocabulary, and one that they make",
                        found: "\"\(String(decoding: token, as: UTF8.self))\"")
                }
                return id
            }
            let (left, right) = (Array(first.utf8), Array(second.utf8))
            guard right.count >= prefix.count, let rank = UInt32(exactly: rank) else {
                throw mergesPlace.unexpected("merges")
            }
            // The last of equal pairs counts.
            table[try id(of: left), try id(of: right)] = Merge(
                rank: rank, id: try id(of: left + right.dropFirst(prefix.count)))
        }
        merges = table
    }

    /// The `merges` of a tokenizer.json, as "a b" or as [a, b].
    private static func pairs(_ place: JSONPlace) throws(TokenizerError) -> [(String, String)] {
        guard case .array(let elements) = place.value else { throw place.unexpected("an array") }
        var pairs: [(String, String)] = []
        pairs.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            switch element {
            case .array(let pair):
                if pair.count == 2, let first = pair[0].string, let second = pair[1].string {
                    pairs.append((first, second))
                    continue
                }
            case .string(let line):
                if line.utf8.starts(with: "#version".utf8) { continue }
                if let pair = splitMerge(line) {
                    pairs.append(pair)
                    continue
                }
            default: break
            }
            throw JSONPlace(file: place.file, path: "\(place.path)[\(index)]", value: element)
                .unexpected("two tokens, as \"a b\" or [\"a\", \"b\"]")
        }
        return pairs
    }

    /// The two tokens of a merge on one line; nil if there are not two.
    static func splitMerge(_ line: String) -> (String, String)? {
        let parts = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        return (String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1], as: UTF8.self))
    }

    /// Whether words are joined of their characters, all of them, and nothing else.
    var isPlain: Bool { !wordsFirst && prefix.isEmpty && suffix.isEmpty && !dropsUnknown }

    func encode(_ word: UTF8Text, _ memory: inout ModelMemory, into tokens: inout TokenList) throws(TokenizerError) {
        if wordsFirst, let id = vocabulary[word] {
            tokens.append(id, 0, word.count)
            return
        }
        try splitIntoCharacters(word, &memory)
        merge(&memory)
        var start = 0
        for symbol in memory.symbols where symbol.length > 0 {
            tokens.append(symbol.id, start, start + symbol.length)
            start += symbol.length
        }
    }

    private func splitIntoCharacters(_ word: UTF8Text, _ memory: inout ModelMemory) throws(TokenizerError) {
        memory.symbols.removeAll(keepingCapacity: true)
        func add(_ id: UInt32, _ length: Int) {
            let count = memory.symbols.count
            if count > 0 { memory.symbols[count - 1].next = count }
            memory.symbols.append(Symbol(id: id, previous: count - 1, next: -1, length: length))
        }
        var unknownLength = 0
        var index = 0
        while index < word.count {
            let length = word.scalar(at: index).length
            let end = index + length
            memory.key.removeAll(keepingCapacity: true)
            if index > 0 { memory.key.append(contentsOf: prefix) }
            memory.key.append(contentsOf: word[index..<end])
            if end == word.count { memory.key.append(contentsOf: suffix) }
            index = end
            if let id = vocabulary[memory.key] {
                if let unknown, unknownLength > 0 { add(unknown, unknownLength) }
                unknownLength = 0
                add(id, length)
                continue
            }
            if let byteTokens {
                let ids = memory.key.compactMap { byteTokens[Int($0)] }
                if ids.count == memory.key.count {
                    // Unknown characters that wait stay behind these, as in the reference library.
                    for id in ids { add(id, 1) }
                    continue
                }
            }
            guard let unknown else {
                if dropsUnknown { continue }
                throw .noUnknownToken(file: file, model: "BPE")
            }
            if unknownLength > 0, !fusesUnknown {
                add(unknown, unknownLength)
                unknownLength = 0
            }
            unknownLength += length
        }
        if let unknown, unknownLength > 0 { add(unknown, unknownLength) }
    }

    private func merge(_ memory: inout ModelMemory) {
        guard memory.symbols.count > 1 else { return }
        memory.merges.removeAll()
        func offer(_ left: Int, _ right: Int) {
            if let merge = merges[memory.symbols[left].id, memory.symbols[right].id] {
                memory.merges.push(rank: merge.rank, place: left)
            }
        }
        for left in 0..<memory.symbols.count - 1 { offer(left, left + 1) }
        while let (rank, place) = memory.merges.pop() {
            let right = memory.symbols[place].next
            // Whatever has been merged meanwhile is out of date.
            guard memory.symbols[place].length > 0, right >= 0,
                let merge = merges[memory.symbols[place].id, memory.symbols[right].id], merge.rank == rank
            else { continue }
            let next = memory.symbols[right].next
            memory.symbols[place].id = merge.id
            memory.symbols[place].length += memory.symbols[right].length
            memory.symbols[place].next = next
            memory.symbols[right].length = 0
            if next >= 0 {
                memory.symbols[next].previous = place
                offer(place, next)
            }
            let previous = memory.symbols[place].previous
            if previous >= 0 { offer(previous, place) }
        }
    }
}

extension UInt8 {
    /// The token of a byte in vocabularies that fall back on bytes.
    var byteToken: [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return Array("<0x".utf8) + [digits[Int(self >> 4)], digits[Int(self & 15)]] + Array(">".utf8)
    }
}
