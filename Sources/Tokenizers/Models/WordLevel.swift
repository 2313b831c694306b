/// Whole words, or the unknown.
struct WordLevel: Sendable {
    let vocabulary: Vocabulary
    private let file: String
    private let unknown: UInt32?

    init(_ place: JSONPlace) throws(TokenizerError) {
        file = place.file
        vocabulary = try Vocabulary(try place.required("vocab"))
        unknown = vocabulary[try place.required("unk_token").string().utf8]
    }

    func encode(_ word: UTF8Text, into tokens: inout TokenList) throws(TokenizerError) {
        guard let id = vocabulary[word] ?? unknown else { throw .noUnknownToken(file: file, model: "WordLevel") }
        tokens.append(id, 0, word.count)
    }
}
