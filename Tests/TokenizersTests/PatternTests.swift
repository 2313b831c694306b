import JSON
import Testing

@testable import Tokenizers

/// The patterns of Split and Replace.
struct PatternTests {
    @Test(arguments: [
        KnownPattern.gpt2Text,
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
    ])
    func patternsMatchedByHandAgreeWithTheGeneralMatcher(_ pattern: String) throws {
        #expect(KnownPattern(pattern) != nil)
        let place = JSONPlace(file: "test", value: .null)
        let byHand = try TextPattern(regex: pattern, at: place)
        let general = try TextPattern(regex: pattern, at: place, usesKnown: false)
        var texts = TextMaker(seed: 5)
        for _ in 0..<1500 {
            let text = texts.next()
            #expect(try matches(of: byHand, in: text) == matches(of: general, in: text), "\(text.debugDescription)")
        }
    }

    /// As Oniguruma matches them.
    @Test(arguments: [
        (#"a+?b"#, "aab ab", ["aab", "ab"]),
        (#"(?i)straſse|K"#, "STRASSE k \u{212A}", ["STRASSE", "k", "\u{212A}"]),
        (#"x*"#, "axxb", ["", "xx", ""]),
        (#"[[:punct:]&&[^,]]+"#, "a,.!?", [".!?"]),
        (#"(?<=a)b|(?<!a)c"#, "ab ac bc", ["b", "c"]),
        (#"(?>a+)b|\bc\B"#, "aab cd", ["aab", "c"]),
        (#"(a|b|(c|d)*)*e"#, "abcde", ["abcde"]),
        (#"a{2}|a{,1}b|a{3,}?"#, "aaa b ab", ["aa", "b", "ab"]),
        (#"a{x}"#, "a{x}", ["a{x}"]),
        (#"^.|.$"#, "ab\ncd", ["a", "b", "c", "d"]),
        (#"\x{2581}|\u00e9|\x41"#, "▁éA", ["▁", "é", "A"]),
        (#"[^(\s|[.,])]+"#, "ab(c, d", ["ab", "c", "d"]),
        (#"\w+"#, "x² ½", ["x²", "½"]),
        (#"[\w]+"#, "x² ½", ["x"]),
    ])
    func patternsMatchAsInOniguruma(_ pattern: String, _ text: String, _ expected: [String]) throws {
        let pattern = try TextPattern(regex: pattern, at: JSONPlace(file: "test", value: .null))
        let found = try matches(of: pattern, in: text).map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
        #expect(found == expected)
    }

    @Test func aPatternThatTriesForeverIsAnError() throws {
        let pattern = try TextPattern(regex: "(a*)*(a*)*b", at: JSONPlace(file: "slow.json", value: .null))
        let error = #expect(throws: TokenizerError.self) {
            try matches(of: pattern, in: String(repeating: "a", count: 200), maximumTries: 10_000)
        }
        #expect(try #require(error).description.hasPrefix("slow.json: the pattern (a*)*(a*)*b needs too many tries"))
    }

    private func matches(of pattern: TextPattern, in text: String, maximumTries: Int = 1_000_000) throws -> [Range<Int>]
    {
        var found: [Range<Int>] = []
        var matcher = PatternMatcher()
        matcher.maximumTries = maximumTries
        let bytes = Array(text.utf8)
        try bytes.withUnsafeBufferPointer { buffer in
            guard !buffer.isEmpty else { return }
            try pattern.forEachMatch(in: buffer, &matcher) { found.append($0) }
        }
        return found
    }
}
