/// The classes of characters that the reference library's parts distinguish.
///
/// Its parts carry Unicode data of different versions, and which character is punctuation follows from them. Here the
/// platform's data serves (of Unicode 17), less what came later, with the few that have changed class since.
enum CharacterClass {
    /// White_Space: the same in all versions.
    @inline(__always)
    static func isWhitespace(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return scalar == 0x20 || (0x09...0x0D).contains(scalar) }
        switch scalar {
        case 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: return true
        default: return false
        }
    }

    /// What Digits splits at: decimal digits, and numbers such as ½, Ⅷ or 〇, of Unicode 17.
    @inline(__always)
    static func isNumeric(_ scalar: UInt32) -> Bool {
        scalar < 0x80 ? (0x30...0x39).contains(scalar) : !Categories(of: scalar).isDisjoint(with: .numbers)
    }

    /// What Punctuation and BertPreTokenizer split at: ASCII's signs, and Unicode 8's category P.
    static func isPunctuation(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
        case 0..<0x80: false
        case 0x166D, 0x111C9: true
        default: !Categories(of: scalar).isDisjoint(with: .punctuation) && isOlder(scalar, than: 9)
        }
    }

    /// What BertNormalizer's cleaning removes, besides U+0000 and U+FFFD: categories Cc, Cf and Co of Unicode 8.
    static func isControl(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x09, 0x0A, 0x0D: false
        case 0..<0x80: scalar < 0x20 || scalar == 0x7F
        default:
            !Categories(of: scalar).isDisjoint(with: [.control, .format, .privateUse]) && isOlder(scalar, than: 9)
        }
    }

    /// What BertNormalizer considers an accent: category Mn of Unicode 8.
    static func isNonspacingMark(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x300, 0x1885, 0x1886, 0xA9BD, 0x111C9: false
        case 0x1734, 0x1171E: true
        default: Categories(of: scalar) == .nonspacingMark && isOlder(scalar, than: 9)
        }
    }

    /// What StripAccents removes: category M of Unicode 9.
    static func isCombiningMark(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x300, 0x111C9: false
        case 0x1CF2, 0x1CF3: true
        default: !Categories(of: scalar).isDisjoint(with: .marks) && isOlder(scalar, than: 10)
        }
    }

    /// What BertNormalizer puts spaces around.
    static func isChinese(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }

    /// `\w` of Whitespace, and of added tokens that must be single words: Unicode 16.
    static func isWord(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return isWordASCII(scalar) }
        if scalar == 0x200C || scalar == 0x200D { return true }
        return isAlphabetic(scalar)
            || !patternCategory(of: scalar).isDisjoint(with: [.letters, .marks, .decimal, .connector])
    }

    /// `\w` and `\b` of patterns in tokenizer.json: Oniguruma's, which take Latin-1's small numbers for letters.
    static func isPatternWord(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x80: isWordASCII(scalar)
        case 0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE: true
        case 0x200C, 0x200D: false
        default: isWord(scalar)
        }
    }

    static func isAlphabetic(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return (0x41...0x5A).contains(scalar & ~0x20) }
        guard let value = Unicode.Scalar(scalar), patternCategory(of: scalar) != .unassigned else { return false }
        return value.properties.isAlphabetic
    }

    /// The category of a scalar for `\p{…}` in patterns: Unicode 16.
    @inline(__always)
    static func patternCategory(of scalar: UInt32) -> Categories {
        let category = Categories(of: scalar)
        if scalar < 0x0250 { return category }
        if scalar == 0x0295 { return .lowercase }
        return isLaterThanPatterns(scalar) ? .unassigned : category
    }

    /// Whether a scalar was assigned in Unicode 17.
    private static func isLaterThanPatterns(_ scalar: UInt32) -> Bool {
        if scalar < 0x10000 { return laterInBasicPlane.contains(scalar) }
        return !isOlder(scalar, than: 17)
    }

    private static let laterInBasicPlane = Set(
        (0x0800..<0x10000).filter { Categories(of: $0) != .unassigned && !isOlder($0, than: 17) })

    private static func isWordASCII(_ scalar: UInt32) -> Bool {
        (0x41...0x5A).contains(scalar & ~0x20) || (0x30...0x39).contains(scalar) || scalar == 0x5F
    }

    private static func isOlder(_ scalar: UInt32, than version: Int) -> Bool {
        guard let age = Unicode.Scalar(scalar)?.properties.age else { return true }
        return age.major < version
    }
}
