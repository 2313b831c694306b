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
        case .lowercase: try text.rewrite { source, piece, target, _ in Self.lowercase(source, piece, &target) }
        case .form(let form):
            try Self.transform(&text, unless: { $0.allSatisfy(form.keeps) }) { (form.transform($0), 0) }
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
            let isPlain = { !CharacterClass.isWhitespace($0) || $0 == 0x20 }
            try Self.transform(&text, unless: { $0.allSatisfy(isPlain) }) { scalars in
                (scalars.map { Transformed(scalar: CharacterClass.isWhitespace($0) ? 0x20 : $0, change: 0) }, 0)
            }
        case .spaceChinese:
            let isPlain = { !CharacterClass.isChinese($0) }
            try Self.transform(&text, unless: { $0.allSatisfy(isPlain) }) { (Self.spaceChinese($0), 0) }
        case .byteLevel: try ByteLevelAlphabet.rewrite(&text)
        case .nmt: try Self.nmt(&text)
        }
    }

    /// Rewrites each piece, except those that are known to stay as they are.
    private static func transform(
        _ text: inout SplitText,
        unless stays: ([UInt32]) -> Bool = { _ in false },
        _ change: ([UInt32]) -> (transformed: [Transformed], removedAtStart: Int)
    ) throws(TokenizerError) {
        try text.rewrite { source, piece, target, _ in
            let scalars = source.withText { $0.scalars(in: piece.range) }
            if stays(scalars) {
                target.append(piece.range, of: source)
                return
            }
            let (transformed, removed) = change(scalars)
            target.append(transformed, for: piece, of: source, removedAtStart: removed)
        }
    }

    private static func filter(_ text: inout SplitText, _ keeps: (UInt32) -> Bool) throws(TokenizerError) {
        try transform(&text, unless: { $0.allSatisfy(keeps) }) { scalars in
            var kept: [Transformed] = []
            var removedAtStart = 0
            for scalar in scalars {
                if keeps(scalar) {
                    kept.append(Transformed(scalar: scalar, change: 0))
                } else if kept.isEmpty {
                    removedAtStart += 1
                } else {
                    kept[kept.count - 1].change -= 1
                }
            }
            return (kept, removedAtStart)
        }
    }

    private static func lowercase(_ source: AlignedText, _ piece: Piece, _ target: inout AlignedText) {
        if source.bytes[piece.range].allSatisfy({ $0 < 0x80 }) {
            target.append(piece.range, of: source) { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
            return
        }
        var lower: [Transformed] = []
        for scalar in source.withText({ $0.scalars(in: piece.range) }) {
            guard scalar >= 0x80, let value = Unicode.Scalar(scalar) else {
                lower.append(Transformed(scalar: (0x41...0x5A).contains(scalar) ? scalar | 0x20 : scalar, change: 0))
                continue
            }
            for (index, form) in value.properties.lowercaseMapping.unicodeScalars.enumerated() {
                lower.append(Transformed(scalar: form.value, change: index == 0 ? 0 : 1))
            }
        }
        target.append(lower, for: piece, of: source)
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
            // Nothing put before: the first character still counts as new.
            let scalar = Array(source.bytes[first..<first + length])
            target.append(scalar, from: source, at: first, origin: piece.origin, first: first)
            target.append(first + length..<piece.range.upperBound, of: source)
            return
        }
        target.append(prefix, from: source, at: first + length, origin: piece.origin, first: first)
        target.append(piece.range, of: source)
    }

    private static func spaceChinese(_ scalars: [UInt32]) -> [Transformed] {
        var result: [Transformed] = []
        for scalar in scalars {
            guard CharacterClass.isChinese(scalar) else {
                result.append(Transformed(scalar: scalar, change: 0))
                continue
            }
            result += [
                Transformed(scalar: 0x20, change: 0), Transformed(scalar: scalar, change: 1),
                Transformed(scalar: 0x20, change: 1),
            ]
        }
        return result
    }

    private static func nmt(_ text: inout SplitText) throws(TokenizerError) {
        try filter(&text) { scalar in
            switch scalar {
            case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: false
            default: true
            }
        }
        try transform(&text) { scalars in
            (
                scalars.map { scalar in
                    switch scalar {
                    case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
                        Transformed(scalar: 0x20, change: 0)
                    default: Transformed(scalar: scalar, change: 0)
                    }
                }, 0
            )
        }
    }
}
