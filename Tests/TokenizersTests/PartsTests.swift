import Foundation
import JSON
import Testing
import Tokenizers

/// Small tokenizers of every kind of part, with texts and what the reference library makes of them.
struct PartsTests {
    @Test func mergesAreLeftOutByChanceOnlyWhereAModelIsTrained() throws {
        let json = #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"], "dropout": 1}}"#
        let tokenizer = try Tokenizer(json: Array(json.utf8))
        #expect(try tokenizer.encode("abab").ids == [2, 2])
    }

    @Test func everyPartDoesWhatTheReferenceDoes() throws {
        let lines = try Fixture.parts()
        #expect(lines.count > 40)
        for line in lines {
            let kind = try JSONValue(parsing: line)
            let name = try #require(kind["name"]?.string)
            let json = try #require(kind["tokenizer"]?.text)
            let tokenizer = try Tokenizer(json: Array(json.utf8), file: name)
            let cases = try #require(kind["cases"]?.text)
            for example in try JSONDecoder().decode([Fixture.Case].self, from: Data(cases.utf8)) {
                let plain = try tokenizer.encode(example.text)
                let special = try tokenizer.encode(example.text, addSpecialTokens: true)
                #expect(plain.ids == example.ids, "\(name): \(example.text)")
                #expect(plain.pairs == example.offsets, "\(name): \(example.text)")
                #expect(special.ids == example.ids_with_special, "\(name): \(example.text)")
                #expect(try tokenizer.encodeIDs(utf8: example.text.utf8) == example.ids, "\(name): \(example.text)")
                let decoded = try tokenizer.decode(example.ids)
                #expect(Array(decoded.utf8) == Array(example.decoded.utf8), "\(name): \(example.text)")
                let skipped = try tokenizer.decode(example.ids_with_special, skipSpecialTokens: true)
                #expect(Array(skipped.utf8) == Array(example.decoded_skip_special.utf8), "\(name): \(example.text)")
            }
        }
    }
}
