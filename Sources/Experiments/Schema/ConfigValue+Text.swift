extension ConfigValue {
    /// The value as JSON on one line, which is also a YAML flow value.
    public var json: String {
        var text = ""
        text.reserveCapacity(2048)
        appendJSON(to: &text, separator: ", ", colon: ": ", isSorted: false)
        return text
    }

    /// The value as JSON with sorted keys and without spaces: the same text for the same content, to be hashed.
    public var canonicalJSON: String {
        var text = ""
        appendJSON(to: &text, separator: ",", colon: ":", isSorted: true)
        return text
    }

    /// The value as a YAML document of one key a line, ending in a newline.
    public var yaml: String {
        var text = ""
        appendYAML(to: &text, indent: "")
        return text
    }

    /// Appends to one text, for thousands of configs are written when a sweep is stored.
    private func appendJSON(to text: inout String, separator: String, colon: String, isSorted: Bool) {
        switch self {
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .int(let number): text += String(number)
        case .number(let number): text += Self.text(number)
        case .string(let string): Self.appendQuoted(string, to: &text)
        case .list(let items):
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += separator }
                item.appendJSON(to: &text, separator: separator, colon: colon, isSorted: isSorted)
            }
            text += "]"
        case .map(let entries):
            text += "{"
            for (index, entry) in (isSorted ? entries.sorted { $0.key < $1.key } : entries).enumerated() {
                if index > 0 { text += separator }
                Self.appendQuoted(entry.key, to: &text)
                text += colon
                entry.value.appendJSON(to: &text, separator: separator, colon: colon, isSorted: isSorted)
            }
            text += "}"
        }
    }

    private func appendYAML(to text: inout String, indent: String) {
        guard case .map(let entries) = self, !entries.isEmpty else {
            text += indent + inlineYAML + "\n"
            return
        }
        for entry in entries {
            text += indent + Self.plainOrQuoted(entry.key) + ":"
            switch entry.value {
            case .map(let inner) where !inner.isEmpty:
                text += "\n"
                entry.value.appendYAML(to: &text, indent: indent + "  ")
            case .list(let items) where !items.isEmpty:
                text += "\n"
                for item in items { text += indent + "- " + item.inlineYAML + "\n" }
            default:
                text += " " + entry.value.inlineYAML + "\n"
            }
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
        var result = ""
        appendQuoted(text, to: &result)
        return result
    }

    private static func appendQuoted(_ string: String, to text: inout String) {
        let isPlain = string.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
        text += "\""
        if isPlain {
            text += string
        } else {
            for scalar in string.unicodeScalars { appendEscaped(scalar, to: &text) }
        }
        text += "\""
    }

    private static func appendEscaped(_ scalar: Unicode.Scalar, to text: inout String) {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\t": text += "\\t"
        case "\u{0}"..<" ", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}"..."\u{FFFF}":
            let hex = String(scalar.value, radix: 16, uppercase: true)
            text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        default: text.unicodeScalars.append(scalar)
        }
    }
}

extension ConfigValue: CustomStringConvertible {
    /// The value as JSON on one line, cut short when it is long.
    public var description: String {
        let text = json
        return text.count <= 60 ? text : text.prefix(57) + "..."
    }
}
