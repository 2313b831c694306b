extension Decoder {
    /// The `decoder` of a tokenizer.json.
    init(_ place: JSONPlace) throws(TokenizerError) {
        let type = try place.type()
        switch type {
        case "Sequence":
            var parts: [Decoder] = []
            for element in try place.required("decoders").elements() { parts.append(try Decoder(element)) }
            self = .sequence(parts)
        case "ByteLevel": self = .byteLevel
        case "WordPiece":
            self = .wordPiece(
                prefix: Array(try place.required("prefix").string().utf8),
                cleansUp: try place.required("cleanup").bool())
        case "Metaspace": self = .metaspace(try Metaspace(place))
        case "Replace":
            self = .replace(
                try TextPattern(try place.required("pattern")), Array(try place.required("content").string().utf8))
        case "ByteFallback": self = .byteFallback
        case "Fuse": self = .fuse
        case "Strip":
            self = .strip(
                try place.required("content").scalar().value, start: try place.required("start").count(),
                stop: try place.required("stop").count())
        case "BPEDecoder": self = .bpe(suffix: Array(try place.required("suffix").string().utf8))
        default:
            throw place.unsupported(
                "the decoder \(type)",
                advice: "known are Sequence, ByteLevel, WordPiece, Metaspace, Replace, ByteFallback, Fuse, Strip and "
                    + "BPEDecoder")
        }
    }
}
