/// Characters that look like others, or like none at all: pages and word processors put them where YAML wants plain ones.
enum Lookalike {
    /// What is hidden in a text, in words; nil if there is nothing but plain characters and Latin letters.
    static func note(on text: some StringProtocol) -> String? {
        var told: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars where !isPlain(scalar) && !told.contains(scalar) { told.append(scalar) }
        guard !told.isEmpty else { return nil }
        return told.prefix(2).map(words).joined(separator: ", ")
    }

    /// Whether a text begins or ends with what was pasted along with it: a curly quote, a blank that cannot be seen.
    static func surrounds(_ text: String) -> Bool {
        [text.unicodeScalars.first, text.unicodeScalars.last].contains { scalar in
            guard let scalar, !scalar.isASCII else { return false }
            return [" ", "'", "\""].contains(plain(scalar))
        }
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        // Combining marks belong to the letter before them; the ellipsis is how messages cut a text short.
        scalar.isASCII || scalar == "\u{FFFD}" || scalar == "…" || scalar.properties.name?.hasPrefix("LATIN ") ?? false
            || scalar.properties.generalCategory == .nonspacingMark
    }

    private static func words(_ scalar: Unicode.Scalar) -> String {
        let hex = String(scalar.value, radix: 16, uppercase: true)
        let code = "U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
        let name = (scalar.properties.name ?? scalar.properties.nameAlias)?.lowercased() ?? "a character without a name"
        let advice: String =
            switch plain(scalar) {
            case nil: ""
            case ""?: ", which is invisible: delete it"
            case " "?: ", instead of a plain space"
            case let plain?: ", where \(plain) is meant"
            }
        return "it holds \(code), \(name)\(advice)"
    }

    /// The ASCII text that a character resembles; nil for those that look like no other.
    private static func plain(_ scalar: Unicode.Scalar) -> String? {
        switch scalar.properties.generalCategory {
        case .spaceSeparator: return " "
        case .format: return ""
        case .dashPunctuation: return "-"
        default: break
        }
        switch scalar {
        case "\u{2212}": return "-"
        case "\u{2018}"..."\u{201B}", "\u{2032}", "\u{00B4}": return "'"
        case "\u{201C}"..."\u{201F}", "\u{00AB}", "\u{00BB}", "\u{2033}": return "\""
        case "\u{FF01}"..."\u{FF5E}": return Unicode.Scalar(scalar.value - 0xFEE0).map { String($0) }
        default: return nil
        }
    }
}
