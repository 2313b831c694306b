/// The letters that GPT-2 writes bytes as, so every text is made of letters that a vocabulary can hold.
enum ByteLevelAlphabet {
    /// The letter of each byte: itself where it can be seen, else one from U+0100 on.
    static let letters: [UInt32] = {
        var letters = [UInt32](repeating: 0, count: 256)
        var next: UInt32 = 0x100
        for byte in UInt32(0)..<256 {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: letters[Int(byte)] = byte
            default:
                letters[Int(byte)] = next
                next += 1
            }
        }
        return letters
    }()

    /// The letter of a space.
    static let space: UInt32 = 0x120

    private static let bytes: [UInt8?] = {
        var bytes = [UInt8?](repeating: nil, count: 0x150)
        for (byte, letter) in letters.enumerated() { bytes[Int(letter)] = UInt8(byte) }
        return bytes
    }()

    /// The byte that a letter stands for.
    static func byte(of letter: UInt32) -> UInt8? { letter < 0x150 ? bytes[Int(letter)] : nil }

    /// Writes each byte of each piece as its letter.
    static func rewrite(_ text: inout SplitText) throws(TokenizerError) {
        try text.rewrite { source, piece, target, _ in target.append(piece.range, of: source, lettersOf: letters) }
    }
}

extension AlignedText {
    /// Appends a part of another text with each byte written as its letter.
    fileprivate mutating func append(_ range: Range<Int>, of source: AlignedText, lettersOf letters: [UInt32]) {
        source.withText { text in
            for index in range {
                let letter = letters[Int(text[index])]
                append(scalar: letter, from: source, at: index)
            }
        }
    }
}
