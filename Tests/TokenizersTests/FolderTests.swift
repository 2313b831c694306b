import Foundation
import JSON
import Testing
import Tokenizers

/// Tokenizers as the folders of models have them.
struct FolderTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "tokenizer-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    private func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: folder.appending(path: name))
    }

    private func withFolder(_ body: () throws -> Void) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try body()
    }

    @Test func vocabularyAndMergesAreGPT2sTokenizer() throws {
        try withFolder {
            let fixture = Fixture(name: "bytelevel_bpe_gpt2")
            let model = try #require(try JSONValue(parsing: fixture.json())["model"])
            try write(try #require(model["vocab"]).text, to: "vocab.json")
            let merges = try #require(model["merges"]?.elements).compactMap(\.string)
            try write((["#version: 0.2"] + merges).joined(separator: "\n") + "\n", to: "merges.txt")
            let tokenizer = try Tokenizer(folder: folder.path)
            for example in try fixture.cases() {
                #expect(try tokenizer.encode(example.text).ids == example.ids, "\(example.text)")
                #expect(try tokenizer.decode(example.ids) == example.decoded)
            }
        }
    }

    @Test func whatHasNoTokenizerSaysWhatToDo() throws {
        try withFolder {
            func message() throws -> String {
                let error = #expect(throws: TokenizerError.self) { try Tokenizer(folder: folder.path) }
                return try #require(error).description
            }
            #expect(try message().hasSuffix("has no tokenizer: expected tokenizer.json, or vocab.json and merges.txt"))
            try write("", to: "tokenizer.model")
            #expect(
                try message().contains(
                    "tokenizer.model: SentencePiece's own format is not supported; write a tokenizer.json"))
        }
        #expect(throws: TokenizerError.unreadable(file: folder.path, reason: "no such folder")) {
            try Tokenizer(folder: folder.path)
        }
    }

    @Test func theTokenBetweenDocumentsIsFoundInThisOrder() throws {
        try withFolder {
            let vocabulary = #"{"[UNK]": 0, "</s>": 7, "[EOS]": 8}"#
            let json = #"{"model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": \#(vocabulary)}}"#
            let tokenizer = try Tokenizer(json: Array(json.utf8))
            func found() throws -> UInt32 { try tokenizer.endOfSequence(folder: folder.path) }
            #expect(throws: TokenizerError.self) { try found() }
            try write(#"{"eos_token_id": [5, 6]}"#, to: "config.json")
            #expect(try found() == 5)
            try write(#"{"eos_token_id": 6}"#, to: "config.json")
            #expect(try found() == 6)
            try write(#"{"eos_token": {"content": "</s>", "lstrip": false}}"#, to: "special_tokens_map.json")
            #expect(try found() == 7)
            try write(#"{"eos_token": null}"#, to: "tokenizer_config.json")
            #expect(try found() == 7)
            try write(#"{"eos_token": "[EOS]"}"#, to: "tokenizer_config.json")
            #expect(try found() == 8)
            try write(#"{"eos_token": "<end>"}"#, to: "tokenizer_config.json")
            let error = #expect(throws: TokenizerError.self) { try found() }
            #expect(
                try #require(error).description.hasSuffix(
                    #"eos_token: expected a token of the vocabulary, found "<end>""#))
        }
    }

    @Test func tokensAreNamedByTheirNumbers() throws {
        let tokenizer = try Tokenizer(folder: Fixture(name: "bpe_split_regex_llama3").folder)
        #expect(tokenizer.vocabularySize == 424)
        #expect(tokenizer.id("<|eot_id|>") == 422)
        #expect(tokenizer.token(422) == "<|eot_id|>")
        #expect(tokenizer.token(0) == "!")
        #expect(tokenizer.token(999_999) == nil)
        #expect(tokenizer.id("no such token") == nil)
    }
}
