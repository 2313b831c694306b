import JSON
import Testing
import Tokenizers

/// Files that are wrong, or ask for what is not there: an error names the file, the path, what was expected and found.
struct BadFileTests {
    static let space =
        #"{"content": " ", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}"#
    static let letters = #"{"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0}}"#

    @Test(arguments: [
        (#"{"#, "t.json: not JSON: expected a member's name at byte 1 of 1"),
        (#"[]"#, "t.json: expected an object, found an array of 0"),
        (#"{"version": "2.0"}"#, #"t.json: version: expected "1.0", found "2.0""#),
        (#"{}"#, #"t.json: expected a member "model", found none"#),
        (#"{"model": {"type": "Neural"}}"#, "t.json: model: the model Neural is not supported; known are BPE"),
        (#"{"model": {"type": "BPE", "vocab": {}}}"#, #"t.json: model: expected a member "merges", found none"#),
        (
            #"{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}}"#,
            #"t.json: model.vocab."a": expected a whole number from 0 to 2^32 - 1, found -1"#
        ),
        (
            #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}}"#,
            #"t.json: model.merges[0]: expected tokens of the vocabulary, and one that they make, found "ab""#
        ),
        (
            #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}}"#,
            #"t.json: model.merges[0]: expected two tokens, as "a b" or ["a", "b"], found "a""#
        ),
        (
            #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 1.5}}"#,
            "t.json: model.dropout: expected a number from 0 to 1, or null, found 1.5"
        ),
        (
            #"{"model": {"type": "Unigram", "vocab": [["a", 0]], "unk_id": 1}}"#,
            "t.json: model.unk_id: expected a number below 1, found 1"
        ),
        (
            #"{"model": {"type": "Unigram", "vocab": [["a"]]}}"#,
            "t.json: model.vocab[0]: expected a token and its log-probability, found an array of 1"
        ),
    ])
    func modelsAreChecked(_ json: String, _ message: String) throws {
        try expect(message, from: json)
    }

    @Test(arguments: [
        (
            #""normalizer": {"type": "Sequence", "normalizers": [{"type": "NFX"}]}"#,
            "normalizer.normalizers[0]: the normalizer NFX is not supported"
        ),
        (
            #""normalizer": {"type": "Precompiled", "precompiled_charsmap": ""}"#,
            "normalizer: the normalizer Precompiled (SentencePiece's compiled rules) is not supported; replace it"
        ),
        (
            #""normalizer": {"type": "Strip", "strip_left": 1}"#,
            "normalizer.strip_left: expected true or false, found 1"
        ),
        (
            #""pre_tokenizer": {"type": "UnicodeScripts"}"#,
            "pre_tokenizer: the pre-tokenizer UnicodeScripts is not supported"
        ),
        (
            #""pre_tokenizer": {"type": "Punctuation", "behavior": "Gone"}"#,
            "pre_tokenizer.behavior: expected one of Removed, Isolated"
        ),
        (
            #""pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Removed", "invert": false}"#,
            "pre_tokenizer.pattern.Regex: expected ')' at character 2 of the pattern, found \"(a\""
        ),
        (
            #""pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a)\\1"}, "behavior": "Removed", "invert": false}"#,
            "pre_tokenizer.pattern.Regex: in the pattern \"(a)\\1\", a reference to another group is not supported"
        ),
        (
            #""pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?i:ß)"}, "behavior": "Removed", "invert": false}"#,
            "pre_tokenizer.pattern.Regex: in the pattern \"(?i:ß)\", ß where case does not matter"
        ),
        (
            #""pre_tokenizer": {"type": "Metaspace", "replacement": "ab"}"#,
            "pre_tokenizer.replacement: expected a string of one character"
        ),
        (#""post_processor": {"type": "PairOnly"}"#, "post_processor: the post-processor PairOnly is not supported"),
        (
            #""post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[X]"}}], "special_tokens": {}}"#,
            "post_processor.special_tokens: expected a member \"[X]\", found none"
        ),
        (#""decoder": {"type": "CTC"}"#, "decoder: the decoder CTC is not supported"),
        (#""added_tokens": [{"content": "x"}]"#, "added_tokens[0]: expected a member \"single_word\", found none"),
        (
            #""normalizer": {"type": "Strip", "strip_left": true, "strip_right": true}, "added_tokens": [\#(space)]"#,
            "added_tokens[0]: expected content of which the normalizer leaves something, or \"normalized\": false, "
                + "found \"content\": \" \""
        ),
    ])
    func partsAreChecked(_ part: String, _ message: String) throws {
        try expect("t.json: \(message)", from: #"{"model": \#(Self.letters), \#(part)}"#)
    }

    @Test func deepNestingAndHugePatternsAreRefused() throws {
        let nested = String(repeating: "(", count: 5000) + String(repeating: ")", count: 5000)
        let repeated = "((((a{900}){900}){900}){900})"
        for pattern in [nested, repeated] {
            let json =
                #"{"model": \#(Self.letters), "normalizer": {"type": "Replace", "content": "", "pattern": {"Regex": "\#(pattern)"}}}"#
            let error = #expect(throws: TokenizerError.self) { try Tokenizer(json: Array(json.utf8)) }
            #expect(try #require(error).description.contains("is not supported"))
        }
    }

    @Test func aTextOutsideTheVocabularyIsAnErrorWhereNothingStandsForIt() throws {
        let json = #"{"model": {"type": "Unigram", "vocab": [["a", 0]]}}"#
        let tokenizer = try Tokenizer(json: Array(json.utf8), file: "t.json")
        #expect(try tokenizer.encode("aa").ids == [0, 0])
        let error = #expect(throws: TokenizerError.self) { try tokenizer.encode("ab") }
        #expect(
            try #require(error).description.hasPrefix("t.json: model: the text has characters outside the vocabulary"))
    }

    private func expect(_ message: String, from json: String) throws {
        let error = #expect(throws: TokenizerError.self) { try Tokenizer(json: Array(json.utf8), file: "t.json") }
        #expect(try #require(error).description.hasPrefix(message), "\(error.map { "\($0)" } ?? "none")")
    }
}
