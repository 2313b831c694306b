extension PreTokenizer {
    /// The `pre_tokenizer` of a tokenizer.json.
    init(_ place: JSONPlace) throws(TokenizerError) {
        let type = try place.type()
        switch type {
        case "Sequence":
            var parts: [PreTokenizer] = []
            for element in try place.required("pretokenizers").elements() { parts.append(try PreTokenizer(element)) }
            self = .sequence(parts)
        case "ByteLevel":
            self = .byteLevel(
                addsPrefixSpace: try place.required("add_prefix_space").bool(),
                usesPattern: try place.flag("use_regex", default: true))
        case "Split":
            self = .split(
                try TextPattern(try place.required("pattern")), try SplitBehavior(try place.required("behavior")),
                inverted: try place.required("invert").bool())
        case "Whitespace": self = .whitespace
        case "WhitespaceSplit": self = .whitespaceSplit
        case "Punctuation":
            let behavior = try place.member("behavior")
            self = .punctuation(
                try behavior.map { (place) throws(TokenizerError) in try SplitBehavior(place) } ?? .isolated)
        case "Digits": self = .digits(individual: try place.required("individual_digits").bool())
        case "Metaspace": self = .metaspace(try Metaspace(place))
        case "BertPreTokenizer": self = .bert
        case "CharDelimiterSplit": self = .delimiter(try place.required("delimiter").scalar().value)
        default:
            throw place.unsupported(
                "the pre-tokenizer \(type)",
                advice: "known are Sequence, ByteLevel, Split, Whitespace, WhitespaceSplit, Punctuation, Digits, "
                    + "Metaspace, BertPreTokenizer and CharDelimiterSplit")
        }
    }
}
