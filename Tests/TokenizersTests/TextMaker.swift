/// Texts that are hard for a tokenizer, always the same for a seed.
struct TextMaker {
    private var state: UInt64
    private let words: [String]

    /// `tokens` are strewn in, as words are.
    init(seed: UInt64, tokens: [String] = []) {
        state = seed
        words = Self.words + tokens + tokens
    }

    private static let words =
        """
        the a cat's I'm they've you're STORY Once upon time, . ! ? foo_bar naïve café İstanbul straße ΟΔΥΣΣΕΥΣ Σίσυφος
        한국어 日本語 中文字 ｆｕｌｌ ﬁne ①②½ 12345 3.14 x² ٣٤٥ Ⅷ 〇 ñ ê ệ Ǆ 'S 'ſ 'LL -- ... `` '' ▁ ▁▁ Ġ 🙂 👨‍👩‍👧 🇩🇪 <s> </s>
        <unk> [UNK] [EOS] <|endoftext|> <|begin_of_text|> [MASK] <0x41> ##ing e\u{301} \u{1100}\u{1161}\u{11A8}
        """.split(whereSeparator: \.isWhitespace).map(String.init)
    private static let spaces = [
        " ", " ", " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\u{A0}", "\u{3000}", "\u{200B}", "\u{200D}",
        "\u{2028}",
        "\u{0B}", "\u{85}", "", "",
    ]
    private static let ranges: [ClosedRange<UInt32>] = [
        0...0x24F, 0x300...0x36F, 0x370...0x5FF, 0x600...0x6FF, 0x900...0x97F, 0x1100...0x11FF, 0x1E00...0x20FF,
        0x2150...0x218F, 0x3040...0x30FF, 0xAC00...0xAC40, 0xF900...0xF940, 0xFB00...0xFB1D, 0xFE00...0xFFFD,
        0x1D100...0x1D1FF, 0x1F600...0x1F64F, 0xE0000...0xE007F,
    ]

    private mutating func number(below limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(limit))
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[number(below: elements.count)] }

    private mutating func character() -> String {
        let range = pick(Self.ranges)
        let value = range.lowerBound + UInt32(number(below: range.count))
        return Unicode.Scalar(value).map { String(Character($0)) } ?? ""
    }

    /// The next text.
    mutating func next() -> String {
        var text = ""
        let kind = number(below: 10)
        for _ in 0..<number(below: 16) {
            switch kind {
            case 0..<5: text += pick(words) + pick(Self.spaces)
            case 5, 6: text += character()
            default:
                text += number(below: 3) == 0 ? character() : number(below: 2) == 0 ? pick(words) : pick(Self.spaces)
            }
        }
        return kind == 9 ? text.uppercased() : text
    }
}
