/// A JSON value that keeps what it was read from: numbers as their literal text, members in their order.
///
/// W&B's rows are JSON with three extra literals, `NaN`, `Infinity` and `-Infinity`; they are numbers here.
public indirect enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number as it is written, such as `0.1`, `1e-05` or `NaN`.
    case number(literal: String)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// One name and value of an object.
    public struct Member: Sendable, Equatable {
        /// The member's name.
        public var name: String
        /// The member's value.
        public var value: JSONValue

        /// Pairs a name with a value.
        public init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// A floating-point number; what is not finite becomes W&B's `NaN`, `Infinity` or `-Infinity`.
    public static func number(_ value: Double) -> JSONValue {
        .number(
            literal: value.isNaN
                ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : "\(value)")
    }

    /// A single-precision number with the digits that distinguish it from its neighbours, not those of its double.
    public static func number(_ value: Float) -> JSONValue {
        value.isFinite ? .number(literal: "\(value)") : .number(Double(value))
    }

    /// A floating-point number without a fraction where it has none, so what counts something stays a whole number.
    public static func shortest(_ value: Double) -> JSONValue {
        value.rounded() == value && abs(value) < 1e15 ? .number(Int(value)) : .number(value)
    }

    /// A whole number.
    public static func number(_ value: Int) -> JSONValue { .number(literal: String(value)) }
}

extension JSONValue {
    /// The first member of that name, if this is an object that has one.
    public subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The text of a string.
    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// A number's value, if it is whole.
    public var integer: Int? {
        guard case .number(let literal) = self else { return nil }
        return Int(literal) ?? Double(literal).flatMap { Int(exactly: $0) }
    }

    /// A number's value.
    public var double: Double? {
        guard case .number(let literal) = self else { return nil }
        return Double(literal)
    }

    /// The elements of an array.
    public var elements: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }
}

extension JSONValue {
    /// The value as JSON text on one line.
    public var text: String {
        var out = ""
        write(to: &out)
        return out
    }

    /// Appends the value as JSON text on one line.
    public func write(to out: inout String) {
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .number(let literal): out += literal
        case .string(let text): Self.write(quoted: text, to: &out)
        case .array(let elements):
            out += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { out += "," }
                element.write(to: &out)
            }
            out += "]"
        case .object(let members):
            out += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { out += "," }
                Self.write(quoted: member.name, to: &out)
                out += ":"
                member.value.write(to: &out)
            }
            out += "}"
        }
    }

    /// Appends a string as JSON writes it, in quotes.
    public static func write(quoted text: String, to out: inout String) {
        out += "\""
        defer { out += "\"" }
        // Nearly all are written as they are, many times as fast.
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C }) else {
            out += text
            return
        }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
    }
}
