extension PostProcessor {
    /// The `post_processor` of a tokenizer.json.
    init(_ place: JSONPlace) throws(TokenizerError) {
        let type = try place.type()
        switch type {
        case "Sequence": self = try Self.sequence(place)
        case "ByteLevel":
            self = .byteLevel(
                trimsOffsets: try place.required("trim_offsets").bool(),
                addsPrefixSpace: try place.required("add_prefix_space").bool())
        case "TemplateProcessing": self = try Self.template(place)
        case "BertProcessing":
            self = .bert(
                first: try Self.token(try place.required("cls")), last: try Self.token(try place.required("sep")))
        case "RobertaProcessing":
            self = .roberta(
                first: try Self.token(try place.required("cls")), last: try Self.token(try place.required("sep")),
                trimsOffsets: try place.required("trim_offsets").bool(),
                addsPrefixSpace: try place.required("add_prefix_space").bool())
        default:
            throw place.unsupported(
                "the post-processor \(type)",
                advice: "known are Sequence, ByteLevel, TemplateProcessing, BertProcessing and RobertaProcessing")
        }
    }

    private static func sequence(_ place: JSONPlace) throws(TokenizerError) -> PostProcessor {
        var processors: [PostProcessor] = []
        var hasTemplate = false
        for element in try place.required("processors").elements() {
            let processor = try PostProcessor(element)
            if hasTemplate, processor.addsTokens {
                throw element.unsupported(
                    "a processor that adds tokens behind TemplateProcessing", advice: "put all tokens into the template"
                )
            }
            if case .template = processor { hasTemplate = true }
            processors.append(processor)
        }
        return .sequence(processors)
    }

    private var addsTokens: Bool {
        switch self {
        case .sequence(let processors): processors.contains { $0.addsTokens }
        case .byteLevel: false
        case .template, .bert, .roberta: true
        }
    }

    /// A token and its number: `["[SEP]", 102]`.
    private static func token(_ place: JSONPlace) throws(TokenizerError) -> Piece {
        let pair = try place.elements()
        guard pair.count == 2 else { throw place.unexpected("a token and its number") }
        return .special([try pair[1].id()], texts: [Array(try pair[0].string().utf8)])
    }

    private static func template(_ place: JSONPlace) throws(TokenizerError) -> PostProcessor {
        let special = try place.required("special_tokens")
        var pieces: [Piece] = []
        for element in try place.required("single").elements() {
            if let sequence = try element.member("Sequence") {
                let id = try sequence.required("id")
                guard try id.string() == "A" else { throw id.unexpected("\"A\", the only text") }
                pieces.append(.text)
            } else {
                let name = try element.required("SpecialToken").required("id").string()
                let token = try special.required(name)
                var ids: [UInt32] = []
                for id in try token.required("ids").elements() { ids.append(try id.id()) }
                var texts: [[UInt8]] = []
                for text in try token.required("tokens").elements() { texts.append(Array(try text.string().utf8)) }
                guard ids.count == texts.count else {
                    throw token.unexpected("as many ids as tokens", found: "\(ids.count) and \(texts.count)")
                }
                pieces.append(.special(ids, texts: texts))
            }
        }
        return .template(pieces)
    }
}
