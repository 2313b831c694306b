/// What is done to a text before it is split.
indirect enum Normalizer: Sendable {
    case sequence([Normalizer])
    case lowercase
    case form(NormalizationForm)
    case stripAccents
    case strip(left: Bool, right: Bool)
    case replace(TextPattern, [UInt8])
    case prepend([UInt8])
    case cleanText
    case spaceChinese
    case removeNonspacingMarks
    case byteLevel
    case nmt

    func apply(to text: inout SplitText) throws(TokenizerError) {
        switch self {
        case .sequence(let parts): for part in parts { try part.apply(to: &text) }
        case .lowercase: try Self.replaceEach(&text, Self.lowercase)
        case .form(let form): try text.rewrite { source, piece, target, _ in form.apply(source, piece, &target) }
        case .stripAccents: try Self.filter(&text) { !CharacterClass.isCombiningMark($0) }
        case .removeNonspacingMarks: try Self.filter(&text) { !CharacterClass.isNonspacingMark($0) }
        case .strip(let left, let right):
            try text.rewrite { source, piece, target, _ in Self.strip(source, piece, &target, left, right) }
        case .replace(let pattern, let content):
            try text.rewrite { (source, piece, target, matcher) throws(TokenizerError) in
                try Self.replace(source, piece, &target, &matcher, pattern, content)
            }
        case .prepend(let prefix):
            try text.rewrite { source, piece, target, _ in Self.prepend(prefix, source, piece, &target) }
        case .cleanText:
            try Self.filter(&text) { $0 != 0 && $0 != 0xFFFD && !CharacterClass.isControl($0) }
            try Self.replaceEach(&text) { scalar, emit in emit(CharacterClass.isWhitespace(scalar) ? 0x20 : scalar) }
        case .spaceChinese:
            try Self.replaceEach(&text) { scalar, emit in
                let isChinese = CharacterClass.isChinese(scalar)
                if isChinese { emit(0x20) }
                emit(scalar)
                if isChinese { emit(0x20) }
            }
        case .byteLevel: try ByteLevelAlphabet.rewrite(&text)
        case .nmt: try Self.nmt(&text)
        }
    }

    /// Replaces each scalar by those emitted for it, with the same origin.
    private static func replaceEach(
        _ text: inout SplitText, _ replace: (_ scalar: UInt32, _ emit: (UInt32) -> Void) -> Void
    ) throws(TokenizerError) {
        try text.rewrite { source, piece, target, _ in
            source.withText { text in
                var index = piece.range.lowerBound
                while index < piece.range.upperBound {
                    let (scalar, length) = text.scalar(at: index)
                    replace(scalar) { target.append(scalar: $0, from: source, at: index) }
                    index += length
                }
            }
        }
    }

    private static func filter(_ text: inout SplitText, _ keeps: (UInt32) -> Bool) throws(TokenizerError) {
        try replaceEach(&text) { scalar, emit in if keeps(scalar) { emit(scalar) } }
    }

    /// Lower case regardless of context: no rule for a final sigma.
    private static func lowercase(_ scalar: UInt32, _ emit: (UInt32) -> Void) {
        guard scalar >= 0x80, let value = Unicode.Scalar(scalar) else {
            emit((0x41...0x5A).contains(scalar) ? scalar | 0x20 : scalar)
            return
        }
        for form in value.properties.lowercaseMapping.unicodeScalars { emit(form.value) }
    }

    private static func strip(
        _ source: AlignedText, _ piece: Piece, _ target: inout AlignedText, _ left: Bool, _ right: Bool
    ) {
        let range = source.withText { text in
            var (lower, upper) = (piece.range.lowerBound, piece.range.upperBound)
            while left, lower < upper, case let (scalar, length) = text.scalar(at: lower),
                CharacterClass.isWhitespace(scalar)
            {
                lower += length
            }
            while right, lower < upper, case let last = text.scalarStart(before: upper),
                CharacterClass.isWhitespace(text.scalar(at: last).value)
            {
                upper = last
            }
            return lower..<upper
        }
        target.append(range, of: source)
    }

    static func replace(
        _ source: AlignedText, _ piece: Piece, _ target: inout AlignedText, _ matcher: inout PatternMatcher,
        _ pattern: TextPattern, _ content: [UInt8]
    ) throws(TokenizerError) {
        let first = piece.range.lowerBound
        var copied = first
        try source.withText { (text) throws(TokenizerError) in
            try pattern.forEachMatch(in: text.slice(piece.range), &matcher) { match in
                target.append(copied..<first + match.lowerBound, of: source)
                let end = first + match.upperBound
                target.append(content, from: source, at: end, origin: piece.origin, first: first)
                copied = end
            }
        }
        target.append(copied..<piece.range.upperBound, of: source)
    }

    /// Puts a text before a piece; it comes from where the piece's first character does.
    static func prepend(_ prefix: [UInt8], _ source: AlignedText, _ piece: Piece, _ target: inout AlignedText) {
        let first = piece.range.lowerBound
        let length = source.withText { $0.scalar(at: first).length }
        guard !prefix.isEmpty else {
            // Nothing was put before it: the first character still counts as new.
            let scalar = Array(source.bytes[first..<first + length])
            target.append(scalar, from: source, at: first, origin: piece.origin, first: first)
            target.append(first + length..<piece.range.upperBound, of: source)
            return
        }
        target.append(prefix, from: source, at: first + length, origin: piece.origin, first: first)
        target.append(piece.range, of: source)
    }

    private static func nmt(_ text: inout SplitText) throws(TokenizerError) {
        try replaceEach(&text) { scalar, emit in
            switch scalar {
            case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
            case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: emit(0x20)
            default: emit(scalar)
            }
        }
    }
}
