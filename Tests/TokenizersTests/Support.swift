import Foundation
import JSON
import TestFiles
import Testing
import Tokenizers

/// A tokenizer of Tests/Fixtures/tokenizers, with texts and what the reference library makes of them.
struct Fixture: CustomTestStringConvertible {
    let name: String

    static let all = [
        "bpe_byte_fallback_llama2", "bpe_split_regex_llama3", "bytelevel_bpe_gpt2", "unigram_metaspace",
        "wordpiece_lowercase",
    ].map(Fixture.init)

    var testDescription: String { name }

    var folder: String {
        Checkout.fixture("tokenizers/" + name)
    }

    /// Small tokenizers of every kind of part, a line each, with texts of their own.
    static func parts() throws -> [String] {
        try String(contentsOfFile: Checkout.fixture("tokenizers/parts.jsonl"), encoding: .utf8).split(separator: "\n")
            .map(String.init)
    }

    func json() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: folder + "/tokenizer.json"))) }

    func cases() throws -> [Case] {
        try JSONDecoder().decode([Case].self, from: try Data(contentsOf: URL(filePath: folder + "/cases.json")))
    }

    /// One text and its tokens.
    struct Case: Decodable {
        let text: String
        let ids: [UInt32]
        let ids_with_special: [UInt32]
        let offsets: [[Int]]
        let decoded: String
        let decoded_skip_special: String
    }
}

extension Tokenizers.Encoding {
    /// The offsets as pairs.
    var pairs: [[Int]] { offsets.map { [$0.lowerBound, $0.upperBound] } }
}
