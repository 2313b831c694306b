import Testing
import Tokenizers

/// What the reference library makes of the fixtures' texts.
struct FixtureTests {
    @Test(arguments: Fixture.all) func textsBecomeTheSameTokens(_ fixture: Fixture) throws {
        let tokenizer = try Tokenizer(folder: fixture.folder)
        for example in try fixture.cases() {
            let plain = try tokenizer.encode(example.text)
            #expect(plain.ids == example.ids, "\(example.text)")
            #expect(plain.pairs == example.offsets, "\(example.text)")
            #expect(try tokenizer.encode(example.text, addSpecialTokens: true).ids == example.ids_with_special)
        }
    }

    @Test(arguments: Fixture.all) func tokensBecomeTheSameText(_ fixture: Fixture) throws {
        let tokenizer = try Tokenizer(folder: fixture.folder)
        for example in try fixture.cases() {
            // Swift takes differently written accents for equal; the reference does not.
            #expect(Array(try tokenizer.decode(example.ids).utf8) == Array(example.decoded.utf8))
            let skipped = try tokenizer.decode(example.ids_with_special, skipSpecialTokens: true)
            #expect(Array(skipped.utf8) == Array(example.decoded_skip_special.utf8))
        }
    }

    @Test(arguments: Fixture.all) func theFastWayGivesTheSameNumbers(_ fixture: Fixture) throws {
        let tokenizer = try Tokenizer(folder: fixture.folder)
        let texts = try fixture.cases().map(\.text)
        for text in texts {
            #expect(try tokenizer.encodeIDs(utf8: text.utf8) == tokenizer.encode(text).ids)
        }
        // A long text takes other ways: its words are no longer looked up whole.
        let long = texts.joined(separator: "\n")
        #expect(try tokenizer.encodeIDs(utf8: long.utf8) == tokenizer.encode(long).ids)
    }

    @Test func threadsShareATokenizer() async throws {
        let fixture = Fixture.all[0]
        let tokenizer = try Tokenizer(folder: fixture.folder)
        let cases = try fixture.cases()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try cases.allSatisfy { try tokenizer.encodeIDs(utf8: $0.text.utf8) == $0.ids }
                }
            }
            for try await areEqual in group { #expect(areEqual) }
        }
    }
}
