/// How a text is split into the words that the model encodes one by one.
indirect enum PreTokenizer: Sendable {
    case sequence([PreTokenizer])
    case byteLevel(addsPrefixSpace: Bool, usesPattern: Bool)
    case split(TextPattern, SplitBehavior, inverted: Bool)
    case whitespace
    case whitespaceSplit
    case punctuation(SplitBehavior)
    case digits(individual: Bool)
    case metaspace(Metaspace)
    case bert
    case delimiter(UInt32)

    func apply(to text: inout SplitText) throws(TokenizerError) {
        switch self {
        case .sequence(let parts): for part in parts { try part.apply(to: &text) }
        case .byteLevel(let addsPrefixSpace, let usesPattern):
            if addsPrefixSpace { try Self.addPrefixSpace(to: &text) }
            if usesPattern { try Self.split(&text, at: .gpt2, .isolated, inverted: false) }
            try ByteLevelAlphabet.rewrite(&text)
        case .split(let pattern, let behavior, let inverted):
            try Self.split(&text, at: pattern, behavior, inverted: inverted)
        case .whitespace: try text.split(.removed) { piece, segments, _ in Self.findWords(in: piece, &segments) }
        case .whitespaceSplit: try Self.split(&text, .removed) { CharacterClass.isWhitespace($0) }
        case .punctuation(let behavior): try Self.split(&text, behavior) { CharacterClass.isPunctuation($0) }
        case .digits(let individual):
            try Self.split(&text, individual ? .isolated : .contiguous) { CharacterClass.isNumeric($0) }
        case .metaspace(let metaspace): try metaspace.apply(to: &text)
        case .bert:
            try Self.split(&text, .removed) { CharacterClass.isWhitespace($0) }
            try Self.split(&text, .isolated) { CharacterClass.isPunctuation($0) }
        case .delimiter(let delimiter): try Self.split(&text, .removed) { $0 == delimiter }
        }
    }

    /// Whether words are certainly short: not whole documents.
    var makesWords: Bool {
        switch self {
        case .sequence(let parts): parts.contains { $0.makesWords }
        case .byteLevel(_, let usesPattern): usesPattern
        case .metaspace(let metaspace): metaspace.splits
        default: true
        }
    }

    /// Whether it matters where in the original text a piece begins.
    var needsOrigins: Bool {
        switch self {
        case .sequence(let parts): parts.contains { $0.needsOrigins }
        case .metaspace(let metaspace): metaspace.scheme == .first
        default: false
        }
    }

    /// Splits at each character of a kind.
    static func split(
        _ text: inout SplitText, _ behavior: SplitBehavior, _ isDelimiter: (UInt32) -> Bool
    ) throws(TokenizerError) {
        try text.split(behavior) { piece, segments, _ in
            var index = 0
            var start = 0
            while index < piece.count {
                let (scalar, length) = piece.scalar(at: index)
                if isDelimiter(scalar) {
                    if start < index { segments.append(.init(range: start..<index, isMatch: false)) }
                    segments.append(.init(range: index..<index + length, isMatch: true))
                    start = index + length
                }
                index += length
            }
            if start < index { segments.append(.init(range: start..<index, isMatch: false)) }
        }
    }

    private static func split(
        _ text: inout SplitText, at pattern: TextPattern, _ behavior: SplitBehavior, inverted: Bool
    ) throws(TokenizerError) {
        try text.split(behavior, inverted: inverted) { (piece, segments, matcher) throws(TokenizerError) in
            var start = 0
            try pattern.forEachMatch(in: piece, &matcher) { match in
                if start < match.lowerBound {
                    segments.append(.init(range: start..<match.lowerBound, isMatch: false))
                }
                segments.append(.init(range: match, isMatch: true))
                start = match.upperBound
            }
            if start < piece.count { segments.append(.init(range: start..<piece.count, isMatch: false)) }
        }
    }

    /// `\w+|[^\w\s]+`: the spaces between are the matches.
    private static func findWords(in piece: UTF8Text, _ segments: inout [SplitText.Segment]) {
        enum Kind { case word, space, sign }
        var index = 0
        var start = 0
        var last: Kind?
        while index < piece.count {
            let (scalar, length) = piece.scalar(at: index)
            let kind: Kind =
                CharacterClass.isWord(scalar) ? .word : CharacterClass.isWhitespace(scalar) ? .space : .sign
            if let last, last != kind {
                segments.append(.init(range: start..<index, isMatch: last == .space))
                start = index
            }
            last = kind
            index += length
        }
        if let last { segments.append(.init(range: start..<index, isMatch: last == .space)) }
    }

    private static func addPrefixSpace(to text: inout SplitText) throws(TokenizerError) {
        let space = UInt8(ascii: " ")
        try text.rewrite { source, piece, target, _ in
            if source.bytes[piece.range.lowerBound] == space {
                target.append(piece.range, of: source)
            } else {
                Normalizer.prepend([space], source, piece, &target)
            }
        }
    }
}

/// SentencePiece's way with spaces: a visible sign in place of each, and often one before the text.
struct Metaspace: Sendable {
    enum Scheme: String, Sendable, CaseIterable { case first, never, always }

    /// The sign, mostly ▁.
    let replacement: Unicode.Scalar
    /// Where a sign is put before a piece that does not begin with one.
    let scheme: Scheme
    /// Whether the text is split before each sign.
    let splits: Bool

    private var sign: [UInt8] { Array(String(Character(replacement)).utf8) }

    func apply(to text: inout SplitText) throws(TokenizerError) {
        let sign = sign
        let spaces = TextPattern(text: " ")
        try text.rewrite { (source, piece, target, matcher) throws(TokenizerError) in
            try Normalizer.replace(source, piece, &target, &matcher, spaces, sign)
        }
        try text.rewrite { source, piece, target, _ in
            let isSigned = source.withText { $0.slice(piece.range).starts(with: sign) }
            if !isSigned, scheme == .always || (scheme == .first && piece.origin == 0) {
                Normalizer.prepend(sign, source, piece, &target)
            } else {
                target.append(piece.range, of: source)
            }
        }
        if splits { try PreTokenizer.split(&text, .mergedWithNext) { $0 == replacement.value } }
    }

    init(_ place: JSONPlace) throws(TokenizerError) {
        replacement = try place.required("replacement").scalar()
        splits = try place.flag("split", default: true)
        var scheme = Scheme.always
        if let given = try place.member("prepend_scheme") {
            guard let known = Scheme(rawValue: try given.string()) else {
                throw given.unexpected("one of \(Scheme.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            scheme = known
        }
        // Older files have a flag instead.
        if let flag = try place.member("add_prefix_space"), try !flag.bool() {
            guard scheme == .never else {
                throw flag.unexpected("true where prepend_scheme is \(scheme.rawValue)")
            }
        }
        self.scheme = scheme
    }
}
