import Synchronization

/// A text's tokens.
public struct Encoding: Sendable, Equatable {
    /// The tokens' numbers.
    public var ids: [UInt32]
    /// For each token the characters of the text that it stands for, counted as Unicode scalars.
    public var offsets: [Range<Int>]
}

/// A tokenizer of the Hugging Face kind: turns text into tokens and back, exactly as their library does.
///
/// ```swift
/// let tokenizer = try Tokenizer(folder: "SimpleStories-1.25M")
/// let encoding = try tokenizer.encode("Once upon a time")
/// let text = try tokenizer.decode(encoding.ids)
/// ```
///
/// Threads may share it: each has its own encoder, with a cache of the words that it has seen. Truncation and
/// padding, which a tokenizer.json can ask for, are left to the caller: texts are encoded whole.
public final class Tokenizer: Sendable {
    private let pipeline: Pipeline
    private let idle = Mutex<[Encoder]>([])

    init(_ pipeline: Pipeline) { self.pipeline = pipeline }

    /// Reads the contents of a tokenizer.json; `file` names it in errors.
    ///
    /// - Throws: `TokenizerError` for what is missing, wrong or not supported.
    public convenience init(json: [UInt8], file: String = "tokenizer.json") throws(TokenizerError) {
        self.init(try Pipeline(try JSONPlace(file: file, parsing: json)))
    }

    /// A text's tokens with their offsets; special tokens are those that the tokenizer itself puts around a text.
    ///
    /// - Throws: `TokenizerError` where the model has no token for a character of the text, or a pattern takes too long.
    public func encode(_ text: String, addSpecialTokens: Bool = false) throws(TokenizerError) -> Encoding {
        let part = try withEncoder(of: text.utf8) { (text, encoder) throws(TokenizerError) in
            try pipeline.encode(text, encoder, wantsOffsets: true, addSpecialTokens: addSpecialTokens)
        }
        return Encoding(ids: part.ids, offsets: part.offsets)
    }

    /// The numbers of a text's tokens, without those that the tokenizer puts around it: several times as fast.
    ///
    /// Bytes that are not UTF-8 count as U+FFFD.
    public func encodeIDs(utf8: some Collection<UInt8>) throws(TokenizerError) -> [UInt32] {
        try withEncoder(of: utf8) { (text, encoder) throws(TokenizerError) in
            try pipeline.encode(text, encoder, wantsOffsets: false, addSpecialTokens: false).ids
        }
    }

    /// The text of some tokens; numbers that stand for none are left out.
    ///
    /// - Throws: `TokenizerError` where a pattern of the decoder takes too long.
    public func decode(_ ids: some Sequence<UInt32>, skipSpecialTokens: Bool = false) throws(TokenizerError) -> String {
        var tokens: [[UInt8]] = []
        for id in ids {
            guard let text = pipeline.added.text(of: id) ?? pipeline.model.text(of: id).map(Array.init) else {
                continue
            }
            if skipSpecialTokens, pipeline.added.isSpecial(text) { continue }
            tokens.append(text)
        }
        guard let decoder = pipeline.decoder else {
            return String(decoding: Array(tokens.joined(separator: [0x20])), as: UTF8.self)
        }
        return String(decoding: Array(try decoder.apply(to: tokens).joined()), as: UTF8.self)
    }

    /// How many tokens there are, added ones included.
    public var vocabularySize: Int {
        let new = pipeline.added.all.count { pipeline.model.id(of: $0.content) == nil }
        return pipeline.model.vocabularySize + new
    }

    /// A token's text, as the vocabulary writes it.
    public func token(_ id: UInt32) -> String? {
        if let text = pipeline.added.text(of: id) { return String(decoding: text, as: UTF8.self) }
        return pipeline.model.text(of: id).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A token's number.
    public func id(_ token: String) -> UInt32? {
        pipeline.added.id(of: token.utf8) ?? pipeline.model.id(of: token.utf8)
    }

    /// Lends an encoder, and the text as valid UTF-8.
    private func withEncoder<Result: Sendable>(
        of text: some Collection<UInt8>,
        _ body: (UTF8Text, Encoder) throws(TokenizerError) -> Result
    ) throws(TokenizerError) -> Result {
        let encoder = idle.withLock { $0.popLast() } ?? Encoder()
        defer { idle.withLock { $0.append(encoder) } }
        var valid = String(decoding: text, as: UTF8.self)
        let outcome: Swift.Result<Result, TokenizerError> = valid.withUTF8 { text in
            do throws(TokenizerError) { return .success(try body(text, encoder)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}

extension Pipeline {
    /// A whole tokenizer.json.
    init(_ place: JSONPlace) throws(TokenizerError) {
        if let version = try place.member("version"), try version.string() != "1.0" {
            throw version.unexpected("\"1.0\"")
        }
        let model = try Model(try place.required("model"))
        let preTokenizer = try place.member("pre_tokenizer").map { (place) throws(TokenizerError) in
            try PreTokenizer(place)
        }
        self.init(model: model, preTokenizer: preTokenizer)
        normalizer = try place.member("normalizer").map { (place) throws(TokenizerError) in try Normalizer(place) }
        postProcessor = try place.member("post_processor").map { (place) throws(TokenizerError) in
            try PostProcessor(place)
        }
        decoder = try place.member("decoder").map { (place) throws(TokenizerError) in try Decoder(place) }
        if let tokens = try place.member("added_tokens") {
            added = try AddedTokens(tokens, model: model, normalizer: normalizer)
        }
    }
}
