extension Normalizer {
    /// The `normalizer` of a tokenizer.json.
    init(_ place: JSONPlace) throws(TokenizerError) {
        let type = try place.type()
        switch type {
        case "Sequence":
            var parts: [Normalizer] = []
            for element in try place.required("normalizers").elements() { parts.append(try Normalizer(element)) }
            self = .sequence(parts)
        case "Lowercase": self = .lowercase
        case "NFC": self = .form(.nfc)
        case "NFD": self = .form(.nfd)
        case "NFKC": self = .form(.nfkc)
        case "NFKD": self = .form(.nfkd)
        case "StripAccents": self = .stripAccents
        case "Strip":
            self = .strip(
                left: try place.required("strip_left").bool(), right: try place.required("strip_right").bool())
        case "Replace":
            self = .replace(
                try TextPattern(try place.required("pattern")), Array(try place.required("content").string().utf8))
        case "Prepend": self = .prepend(Array(try place.required("prepend").string().utf8))
        case "BertNormalizer": self = try Self.bert(place)
        case "ByteLevel": self = .byteLevel
        case "Nmt": self = .nmt
        case "Precompiled":
            throw place.unsupported(
                "the normalizer Precompiled (SentencePiece's compiled rules)",
                advice: "replace it by the rules it stands for, mostly NFKC: in Python, `tokenizer.backend_tokenizer."
                    + "normalizer = tokenizers.normalizers.NFKC()`, then `tokenizer.save_pretrained(folder)`")
        default:
            throw place.unsupported(
                "the normalizer \(type)",
                advice: "known are Sequence, Lowercase, NFC, NFD, NFKC, NFKD, StripAccents, Strip, Replace, Prepend, "
                    + "BertNormalizer, ByteLevel and Nmt")
        }
    }

    private static func bert(_ place: JSONPlace) throws(TokenizerError) -> Normalizer {
        let lowercase = try place.required("lowercase").bool()
        var parts: [Normalizer] = []
        if try place.required("clean_text").bool() { parts.append(.cleanText) }
        if try place.required("handle_chinese_chars").bool() { parts.append(.spaceChinese) }
        if try place.flag("strip_accents", default: lowercase) { parts += [.form(.nfd), .removeNonspacingMarks] }
        if lowercase { parts.append(.lowercase) }
        return .sequence(parts)
    }
}
