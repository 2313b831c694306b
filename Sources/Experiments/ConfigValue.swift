/// A value of a YAML or JSON document, without its place in the file.
public enum ConfigValue: Sendable, Hashable {
    /// `null`, `~` or nothing at all.
    case null
    /// `true` or `false` (`yes`, `no`, `on` and `off` too, as YAML 1.1 has them).
    case bool(Bool)
    /// A number written without a point or an exponent.
    case int(Int)
    /// Any other number.
    case number(Double)
    /// Text.
    case string(String)
    /// A sequence.
    case list([ConfigValue])
    /// A mapping, in the order of the file.
    case map([Entry])

    /// One key of a mapping and what it holds.
    public struct Entry: Sendable, Hashable {
        /// The key.
        public let key: String
        /// What the key holds.
        public let value: ConfigValue

        /// Pairs a key with what it holds.
        public init(_ key: String, _ value: ConfigValue) {
            self.key = key
            self.value = value
        }
    }
}

extension ConfigValue {
    /// What an unquoted scalar means.
    ///
    /// Unlike YAML 1.1, `3e-3` is a number: people write it and mean one. `010` stays text, because
    /// YAML 1.1 reads it as eight.
    init(plainScalar text: String) {
        self =
            switch text {
            case "", "~", "null", "Null", "NULL": .null
            case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": .bool(true)
            case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": .bool(false)
            default: Self.number(text) ?? .string(text)
            }
    }

    private static func number(_ text: String) -> ConfigValue? {
        let unsigned = text.drop { $0 == "+" || $0 == "-" }
        guard text.utf8.count - unsigned.utf8.count <= 1, let first = unsigned.utf8.first else { return nil }
        let sign: Double = text.utf8.first == UInt8(ascii: "-") ? -1 : 1
        switch unsigned {
        case ".inf", ".Inf", ".INF": return .number(sign * .infinity)
        case ".nan", ".NaN", ".NAN": return .number(.nan)
        default: break
        }
        let isDigit = { (byte: UInt8) in byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        guard isDigit(first) || first == UInt8(ascii: ".") && unsigned.utf8.contains(where: isDigit) else {
            return nil
        }
        let digits = text.replacing("_", with: "")
        if unsigned.utf8.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: "_") }) {
            guard first != UInt8(ascii: "0") || unsigned.utf8.count == 1 else { return nil }
            return Int(digits).map(ConfigValue.int) ?? Double(digits).map(ConfigValue.number)
        }
        let isNumeric = unsigned.utf8.allSatisfy { isDigit($0) || "._+-eE".utf8.contains($0) }
        return isNumeric ? Double(digits).map(ConfigValue.number) : nil
    }
}
