import JSON

/// A `tokenizer.json` whose tokens are whole words, for models that are trained here.
public enum WordTokenizer {
    /// The token between documents, and what stands for a word that is not in the vocabulary.
    public static let endOfSequence = "[EOS]"
    private static let unknown = "[UNK]"
    /// How many tokens stand before the words.
    public static let specialTokens = 2

    /// A tokenizer of these words: lower-case, split at spaces and punctuation.
    ///
    /// - Parameter words: the vocabulary, without the two special tokens, which come first.
    /// - Returns: the text of `tokenizer.json`.
    public static func json(words: [String]) -> String {
        let tokens = [unknown, endOfSequence] + words
        let added: [JSONValue] = [unknown, endOfSequence].enumerated().map { id, token in
            [
                "id": .number(id), "content": .string(token), "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true,
            ]
        }
        let value: JSONValue = [
            "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": .array(added),
            "normalizer": ["type": "Lowercase"], "pre_tokenizer": ["type": "Whitespace"], "post_processor": .null,
            "decoder": .null,
            "model": [
                "type": "WordLevel",
                "vocab": .object(tokens.enumerated().map { .init($0.element, .number($0.offset)) }),
                "unk_token": .string(unknown),
            ],
        ]
        return value.text + "\n"
    }

    /// The text of `tokenizer_config.json`.
    public static var config: String {
        let value: JSONValue = [
            "eos_token": .string(endOfSequence), "unk_token": .string(unknown),
            "tokenizer_class": "PreTrainedTokenizerFast",
        ]
        return value.text + "\n"
    }

    /// The commonest words of some texts, the commonest first, equals in their order of spelling.
    ///
    /// - Parameters:
    ///   - texts: the texts.
    ///   - limit: how many words at most.
    /// - Returns: the words.
    public static func words(of texts: some Sequence<String>, limit: Int) -> [String] {
        var counts: [String: Int] = [:]
        for text in texts {
            for word in text.lowercased().matches(of: /\w+|[^\w\s]+/) { counts[String(word.output), default: 0] += 1 }
        }
        let ranked = counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
        return ranked.prefix(limit).map(\.key)
    }
}
