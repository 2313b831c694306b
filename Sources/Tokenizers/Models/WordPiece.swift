/// A word cut into the longest tokens that it begins with; `##` marks those that continue.
struct WordPiece: Sendable {
    let vocabulary: Vocabulary
    private let file: String
    private let unknown: UInt32?
    private let prefix: [UInt8]
    private let longestWord: Int
    /// The bytes of the longest token: nothing longer need be looked up.
    private let longestToken: Int

    init(_ place: JSONPlace) throws(TokenizerError) {
        file = place.file
        vocabulary = try Vocabulary(try place.required("vocab"))
        unknown = vocabulary[try place.required("unk_token").string().utf8]
        prefix = Array(try place.required("continuing_subword_prefix").string().utf8)
        longestWord = try place.required("max_input_chars_per_word").count()
        longestToken = vocabulary.all.map(\.content.count).max() ?? 0
    }

    func encode(_ word: UTF8Text, into tokens: inout TokenList) throws(TokenizerError) {
        let before = tokens.count
        let isTooLong = word.count > longestWord && word.scalars(in: 0..<word.count).count > longestWord
        if !isTooLong, cut(word, into: &tokens) { return }
        tokens.removeLast(tokens.count - before)
        guard let unknown else { throw .noUnknownToken(file: file, model: "WordPiece") }
        tokens.append(unknown, 0, word.count)
    }

    private func cut(_ word: UTF8Text, into tokens: inout TokenList) -> Bool {
        var start = 0
        var key = prefix
        while start < word.count {
            let prefixLength = start > 0 ? prefix.count : 0
            var end = min(word.count, start + max(longestToken - prefixLength, 0))
            // Not within a character.
            while end > start, end < word.count, word[end] & 0xC0 == 0x80 { end -= 1 }
            var id: UInt32?
            while end > start {
                if start == 0 {
                    id = vocabulary[word.slice(0..<end)]
                } else {
                    key.removeLast(key.count - prefix.count)
                    key.append(contentsOf: word[start..<end])
                    id = vocabulary[key]
                }
                if id != nil { break }
                end = word.scalarStart(before: end)
            }
            guard let id else { return false }
            tokens.append(id, start, end)
            start = end
        }
        return true
    }
}
