extension ConfigValue {
    /// The value as JSON on one line, which is also a YAML flow value.
    public var json: String { json(separator: ", ", colon: ": ", sorted: false) }

    /// The value as JSON with sorted keys and without spaces: the same text for the same content, to be hashed.
    public var canonicalJSON: String { json(separator: ",", colon: ":", sorted: true) }

    /// The value as a YAML document of one key a line, ending in a newline.
    public var yaml: String {
        var text = ""
        appendYAML(to: &text, indent: "")
        return text.hasPrefix("\n") ? String(text.dropFirst()) : text.drop { $0 == " " } + ""
    }

    private func json(separator: String, colon: String, sorted: Bool) -> String {
        switch self {
        case .null: return "null"
        case .bool(let flag): return flag ? "true" : "false"
        case .int(let number): return String(number)
        case .number(let number): return Self.text(number)
        case .string(let text): return Self.quoted(text)
        case .list(let items):
            let texts = items.map { $0.json(separator: separator, colon: colon, sorted: sorted) }
            return "[" + texts.joined(separator: separator) + "]"
        case .map(let entries):
            let ordered = sorted ? entries.sorted { $0.key < $1.key } : entries
            let texts = ordered.map {
                Self.quoted($0.key) + colon
                    + $0.value.json(separator: separator, colon: colon, sorted: sorted)
            }
            return "{" + texts.joined(separator: separator) + "}"
        }
    }

    /// Appends what follows `key:` or `-`.
    private func appendYAML(to text: inout String, indent: String) {
        switch self {
        case .map(let entries) where !entries.isEmpty:
            for entry in entries {
                text += "\n" + indent + Self.plainOrQuoted(entry.key) + ":"
                entry.value.appendYAML(to: &text, indent: indent + "  ")
                if indent.isEmpty, text.last != "\n", entry == entries.last { text += "\n" }
            }
        case .list(let items) where !items.isEmpty:
            for item in items {
                // Items of a list stand under their key, nested values in one line each.
                text += "\n" + indent.dropLast(2) + "- " + item.inlineYAML
            }
        default:
            text += " " + inlineYAML
        }
    }

    private var inlineYAML: String {
        if case .string(let text) = self { Self.plainOrQuoted(text) } else { json }
    }

    private static func plainOrQuoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "_./*:-".utf8.contains(byte)
            }
        }
        let first = text.unicodeScalars.first
        let startsPlain = first.map { $0 == "_" || $0 == "/" || $0.properties.isAlphabetic } ?? false
        let isText = ConfigValue(plainScalar: text) == .string(text)
        return isPlain && startsPlain && isText && text.last != ":" ? text : quoted(text)
    }

    /// The shortest text that reads back as the same number.
    ///
    /// It always has a point: YAML 1.1 readers, PyYAML among them, take `1e-05` for text.
    private static func text(_ number: Double) -> String {
        guard number.isFinite else { return number.isNaN ? ".nan" : number < 0 ? "-.inf" : ".inf" }
        let shortest = String(number)
        guard let exponent = shortest.firstIndex(of: "e"), !shortest.contains(".") else { return shortest }
        return shortest[..<exponent] + ".0" + shortest[exponent...]
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\u{0}"..<" ", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}",
                "\u{FFFE}"..."\u{FFFF}":
                let hex = String(scalar.value, radix: 16, uppercase: true)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension ConfigValue: CustomStringConvertible {
    /// The value as JSON on one line, cut short when it is long.
    public var description: String {
        let text = json
        return text.count <= 60 ? text : text.prefix(57) + "..."
    }
}
