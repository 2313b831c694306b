/// The patterns of the tokenizers that most models have, matched by hand: several times as fast as the general matcher.
///
/// Each of them matches at every place of a text, so its matches follow one another without a gap.
enum KnownPattern: Sendable {
    /// The pattern of ByteLevel, as GPT-2 has it.
    case gpt2
    /// Llama 3's, with numbers cut into groups of three digits, and Qwen2's, with single digits.
    case llama3(digits: Int)

    static let gpt2Text =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    private static func llama3Text(_ numbers: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + numbers
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    /// The pattern of that text, if it is one of these.
    init?(_ pattern: String) {
        switch pattern {
        case Self.gpt2Text: self = .gpt2
        case Self.llama3Text(#"\p{N}{1,3}"#): self = .llama3(digits: 3)
        case Self.llama3Text(#"\p{N}"#): self = .llama3(digits: 1)
        default: return nil
        }
    }

    /// Where the match ends that begins at `start`.
    func end(in text: UTF8Text, from start: Int) -> Int {
        switch self {
        case .gpt2: Self.gpt2End(text, start)
        case .llama3(let digits): Self.llama3End(text, start, digits)
        }
    }

    private enum Kind: UInt8 { case letter, number, space, other }

    private static let asciiKinds: [Kind] = (0..<128).map(kindBySearch)

    private static func kindBySearch(_ scalar: UInt32) -> Kind {
        if CharacterClass.isWhitespace(scalar) { return .space }
        let category = CharacterClass.patternCategory(of: scalar)
        return !category.isDisjoint(with: .letters) ? .letter : !category.isDisjoint(with: .numbers) ? .number : .other
    }

    @inline(__always)
    private static func kind(_ text: UTF8Text, at index: Int) -> (kind: Kind, length: Int) {
        let byte = text[index]
        if byte < 0x80 { return (asciiKinds[Int(byte)], 1) }
        let (scalar, length) = text.scalar(at: index)
        return (kindBySearch(scalar), length)
    }

    @inline(__always)
    private static func runEnd(_ text: UTF8Text, _ start: Int, of wanted: Kind, most: Int = .max) -> Int {
        var index = start
        var count = 0
        while index < text.count, count < most {
            let (kind, length) = kind(text, at: index)
            guard kind == wanted else { break }
            index += length
            count += 1
        }
        return index
    }

    private static func gpt2End(_ text: UTF8Text, _ start: Int) -> Int {
        if text[start] == UInt8(ascii: "'"), let end = contractionEnd(text, start) { return end }
        let first = text[start] == UInt8(ascii: " ") && start + 1 < text.count ? start + 1 : start
        let (kind, _) = kind(text, at: first)
        return kind == .space ? spaceEnd(text, start) : runEnd(text, first, of: kind)
    }

    private static func llama3End(_ text: UTF8Text, _ start: Int, _ digits: Int) -> Int {
        let byte = text[start]
        if byte == UInt8(ascii: "'"), let end = contractionEnd(text, start, ignoringCase: true) { return end }
        let (first, length) = kind(text, at: start)
        if first == .letter { return runEnd(text, start, of: .letter) }
        if first == .number { return runEnd(text, start, of: .number, most: digits) }
        let isNewline = byte == 0x0A || byte == 0x0D
        let next = start + length
        if !isNewline, next < text.count, kind(text, at: next).kind == .letter {
            return runEnd(text, next, of: .letter)
        }
        let sign = byte == UInt8(ascii: " ") && next < text.count ? next : start
        if kind(text, at: sign).kind == .other {
            var end = runEnd(text, sign, of: .other)
            while end < text.count, text[end] == 0x0A || text[end] == 0x0D { end += 1 }
            return end
        }
        let spaceRun = runEnd(text, start, of: .space)
        for index in (start..<spaceRun).reversed() where text[index] == 0x0A || text[index] == 0x0D {
            return index + 1
        }
        return spaceEnd(text, start)
    }

    /// `\s+(?!\S)|\s+`: white space up to the last one before a word, or all of it at the end.
    private static func spaceEnd(_ text: UTF8Text, _ start: Int) -> Int {
        let end = runEnd(text, start, of: .space)
        guard end < text.count else { return end }
        let last = text.scalarStart(before: end)
        return last > start ? last : end
    }

    private static func contractionEnd(_ text: UTF8Text, _ start: Int, ignoringCase: Bool = false) -> Int? {
        func letter(_ index: Int) -> UInt8? {
            guard index < text.count else { return nil }
            let byte = text[index]
            return ignoringCase && (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
        }
        guard let first = letter(start + 1) else { return nil }
        switch (first, letter(start + 2)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
            return start + 2
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        // ſ is an s where case does not matter.
        case (0xC5, 0xBF) where ignoringCase: return start + 3
        default: return nil
        }
    }
}
