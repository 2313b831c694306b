import JSON

/// What turns words into tokens.
enum Model: Sendable {
    case bpe(BPE)
    case wordPiece(WordPiece)
    case wordLevel(WordLevel)
    case unigram(Unigram)

    /// The `model` of a tokenizer.json.
    init(_ place: JSONPlace) throws(TokenizerError) {
        let type =
            if let named = try place.member("type") { try named.string() } else { try Self.type(ofUntyped: place) }
        switch type {
        case "BPE": self = .bpe(try BPE(place))
        case "WordPiece": self = .wordPiece(try WordPiece(place))
        case "WordLevel": self = .wordLevel(try WordLevel(place))
        case "Unigram": self = .unigram(try Unigram(place))
        default:
            throw place.unsupported("the model \(type)", advice: "known are BPE, WordPiece, WordLevel and Unigram")
        }
    }

    /// The type of a model that names none, as in files of before 2021 (GPT-2's and BERT's own on the hub among them): it
    /// follows from the members, as in the reference library.
    private static func type(ofUntyped place: JSONPlace) throws(TokenizerError) -> String {
        if try place.member("merges") != nil { return "BPE" }
        if try place.member("continuing_subword_prefix") != nil { return "WordPiece" }
        if let vocabulary = try place.member("vocab") {
            if case .array = vocabulary.value { return "Unigram" }
            if try place.member("unk_token") != nil { return "WordLevel" }
        }
        throw place.unexpected("a member \"type\": BPE, WordPiece, WordLevel or Unigram", found: "none")
    }

    /// Appends a word's tokens.
    func encode(_ word: UTF8Text, _ memory: inout ModelMemory, into tokens: inout TokenList) throws(TokenizerError) {
        switch self {
        case .bpe(let model): try model.encode(word, &memory, into: &tokens)
        case .wordPiece(let model): try model.encode(word, into: &tokens)
        case .wordLevel(let model): try model.encode(word, into: &tokens)
        case .unigram(let model): try model.encode(word, &memory, into: &tokens)
        }
    }

    func id(of token: some Collection<UInt8>) -> UInt32? {
        switch self {
        case .bpe(let model): model.vocabulary[token]
        case .wordPiece(let model): model.vocabulary[token]
        case .wordLevel(let model): model.vocabulary[token]
        case .unigram(let model): model.id(of: token)
        }
    }

    func text(of id: UInt32) -> ArraySlice<UInt8>? {
        switch self {
        case .bpe(let model): model.vocabulary.text(of: id)
        case .wordPiece(let model): model.vocabulary.text(of: id)
        case .wordLevel(let model): model.vocabulary.text(of: id)
        case .unigram(let model): model.text(of: id)
        }
    }

    /// How many tokens the model itself has.
    var vocabularySize: Int {
        switch self {
        case .bpe(let model): model.vocabulary.count
        case .wordPiece(let model): model.vocabulary.count
        case .wordLevel(let model): model.vocabulary.count
        case .unigram(let model): model.count
        }
    }
}

/// The memory that models need while they encode, kept from word to word.
struct ModelMemory {
    var symbols: [BPE.Symbol] = []
    var merges = MergeQueue()
    var path: [Unigram.Step] = []
    var key: [UInt8] = []
}
