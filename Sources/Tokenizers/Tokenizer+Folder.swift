import Foundation
import JSON

extension Tokenizer {
    /// Reads the tokenizer of a model's folder: `tokenizer.json`, or else GPT-2's `vocab.json` and `merges.txt`.
    ///
    /// - Throws: `TokenizerError` for what is missing, wrong or not supported.
    public convenience init(folder: String) throws(TokenizerError) {
        let folder = TokenizerFolder(folder)
        if folder.has("tokenizer.json") {
            let path = folder.path("tokenizer.json")
            try self.init(json: try folder.bytes("tokenizer.json"), file: path)
        } else if folder.has("vocab.json"), folder.has("merges.txt") {
            self.init(try folder.gpt2())
        } else {
            throw folder.noTokenizer()
        }
    }

    /// The number of the token between documents, as a model's folder names it: `eos_token` in tokenizer_config.json,
    /// else in special_tokens_map.json, else `eos_token_id` in config.json, the first if there are several.
    ///
    /// - Throws: `TokenizerError` if none is named, or the vocabulary has no such token.
    public func endOfSequence(folder: String) throws(TokenizerError) -> UInt32 {
        let folder = TokenizerFolder(folder)
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            guard let config = try folder.json(name), let token = try config.member("eos_token") else { continue }
            let text = try TokenizerFolder.content(of: token)
            guard let id = id(text) else { throw token.unexpected("a token of the vocabulary") }
            return id
        }
        if let config = try folder.json("config.json"), let place = try config.member("eos_token_id") {
            if case .array = place.value {
                guard let first = try place.elements().first else { throw place.unexpected("a token's number") }
                return try first.id()
            }
            return try place.id()
        }
        throw .unexpected(
            file: folder.path("tokenizer_config.json"), path: "eos_token",
            expected: "the token that ends a document (or special_tokens_map.json's, or eos_token_id in config.json)",
            found: "none")
    }
}

/// The files of a tokenizer in a model's folder.
private struct TokenizerFolder {
    private let folder: String

    init(_ folder: String) { self.folder = folder }

    func path(_ name: String) -> String { folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)" }

    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    func bytes(_ name: String) throws(TokenizerError) -> [UInt8] {
        var info = stat()
        guard stat(path(name), &info) != 0 || info.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(file: path(name), reason: "is not a regular file")
        }
        guard let contents = FileManager.default.contents(atPath: path(name)) else {
            throw .unreadable(file: path(name), reason: has(name) ? "can't be read" : "no such file")
        }
        return [UInt8](contents)
    }

    /// A file of the folder; nil if there is none.
    func json(_ name: String) throws(TokenizerError) -> JSONPlace? {
        guard has(name) else { return nil }
        return try JSONPlace(file: path(name), parsing: try bytes(name))
    }

    /// A token that is written as a string, or as an object with its content.
    static func content(of place: JSONPlace) throws(TokenizerError) -> String {
        if case .string(let text) = place.value { return text }
        return try place.required("content").string()
    }

    /// Why the folder has no tokenizer that can be used.
    func noTokenizer() -> TokenizerError {
        guard FileManager.default.fileExists(atPath: folder) else {
            return .unreadable(file: folder, reason: "no such folder")
        }
        let advice =
            "write a tokenizer.json, in Python: `transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(folder)`"
        for (name, kind) in [("tokenizer.model", "SentencePiece's own format"), ("vocab.txt", "a bare word list")]
        where has(name) {
            return .unsupported(file: path(name), path: "", part: kind, advice: advice)
        }
        return .unreadable(
            file: folder, reason: "has no tokenizer: expected tokenizer.json, or vocab.json and merges.txt")
    }

    /// GPT-2's tokenizer: byte pairs of bytes written as letters.
    func gpt2() throws(TokenizerError) -> Pipeline {
        guard let vocabularyPlace = try json("vocab.json") else {
            throw .unreadable(file: path("vocab.json"), reason: "no such file")
        }
        let merges = JSONPlace(file: path("merges.txt"), value: .null)
        let bpe = try BPE(
            vocabulary: try Vocabulary(vocabularyPlace), merges: merges, place: nil, pairs: try mergePairs())
        var pipeline = Pipeline(model: .bpe(bpe), preTokenizer: .byteLevel(addsPrefixSpace: false, usesPattern: true))
        pipeline.decoder = .byteLevel
        let tokens = try specialTokens().filter { bpe.vocabulary[$0.utf8] != nil }.map { text in
            JSONValue.object([
                .init("content", .string(text)), .init("single_word", false), .init("lstrip", false),
                .init("rstrip", false), .init("normalized", false), .init("special", true),
            ])
        }
        pipeline.added = try AddedTokens(
            JSONPlace(file: path("vocab.json"), value: .array(tokens)), model: pipeline.model, normalizer: nil)
        return pipeline
    }

    /// The merges of merges.txt, one line each.
    private func mergePairs() throws(TokenizerError) -> [(String, String)] {
        var pairs: [(String, String)] = []
        let lines = try bytes("merges.txt").split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if text.isEmpty || text.starts(with: "#version".utf8) { continue }
            guard let pair = BPE.splitMerge(String(decoding: text, as: UTF8.self)) else {
                throw .unexpected(
                    file: path("merges.txt"), path: "line \(number + 1)", expected: "two tokens with a space between",
                    found: "\"\(String(decoding: text.prefix(60), as: UTF8.self))\"")
            }
            pairs.append(pair)
        }
        return pairs
    }

    /// The tokens that are special to GPT-2, and those that the folder names.
    private func specialTokens() throws(TokenizerError) -> [String] {
        var tokens = ["<|endoftext|>"]
        for file in ["special_tokens_map.json", "tokenizer_config.json"] {
            guard let config = try json(file) else { continue }
            for name in ["bos_token", "eos_token", "unk_token", "pad_token"] {
                if let token = try config.member(name) { tokens.append(try Self.content(of: token)) }
            }
            for token in try config.member("additional_special_tokens")?.elements() ?? [] {
                tokens.append(try Self.content(of: token))
            }
        }
        return tokens
    }
}
