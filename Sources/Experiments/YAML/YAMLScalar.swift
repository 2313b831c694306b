/// How unquoted scalars are understood.
enum ScalarReading: Sendable {
    /// As PyYAML understands them, for files that the published tool reads too.
    case yaml11
    /// Numbers only where the same text comes out again: names such as `0123` and times such as `4:00:00` stay text.
    case verbatim
}

extension ConfigValue {
    /// What an unquoted scalar means.
    ///
    /// That is what YAML 1.1 and PyYAML say: `010` is eight, `0x10` sixteen, `1:30` ninety, `1_000` a thousand. Unlike
    /// there, `3e-3` is a number: people write it and mean one.
    init(plainScalar text: String, _ reading: ScalarReading = .yaml11) {
        self =
            switch text {
            case "", "~", "null", "Null", "NULL": .null
            case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": .bool(true)
            case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": .bool(false)
            default: Self.number(text, reading) ?? .string(text)
            }
    }

    private static func number(_ text: String, _ reading: ScalarReading) -> ConfigValue? {
        let unsigned = text.drop { $0 == "+" || $0 == "-" }
        guard text.utf8.count - unsigned.utf8.count <= 1, let first = unsigned.utf8.first else { return nil }
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        switch unsigned {
        case ".inf", ".Inf", ".INF": return .number(isNegative ? -.infinity : .infinity)
        case ".nan", ".NaN", ".NAN": return .number(.nan)
        default: break
        }
        guard isDigit(first) || first == UInt8(ascii: ".") && unsigned.utf8.contains(where: isDigit) else {
            return nil
        }
        let digits = text.replacing("_", with: "")
        let number: ConfigValue? =
            if let whole = wholeNumber(unsigned.replacing("_", with: "")[...], isNegative: isNegative) {
                whole
            } else if unsigned.utf8.allSatisfy({ isDigit($0) || "._+-eE".utf8.contains($0) }), !isOctal(unsigned) {
                Double(digits).map(ConfigValue.number)
            } else {
                sexagesimal(unsigned.replacing("_", with: ""), isNegative: isNegative)
            }
        if reading == .verbatim, case .int(let whole)? = number, String(whole) != text { return nil }
        if reading == .verbatim, unsigned.contains(":") { return nil }
        return number
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// Whether nothing but digits follows a zero, so it is either octal or no number.
    private static func isOctal(_ text: some StringProtocol) -> Bool {
        text.utf8.count > 1 && text.hasPrefix("0") && text.utf8.allSatisfy { isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    /// A decimal, octal, binary or hexadecimal number; nil for what is none.
    private static func wholeNumber(_ text: Substring, isNegative: Bool) -> ConfigValue? {
        let (digits, radix): (Substring, Int) =
            if text.hasPrefix("0b") {
                (text.dropFirst(2), 2)
            } else if text.hasPrefix("0x") {
                (text.dropFirst(2), 16)
            } else if isOctal(text) {
                (text.dropFirst(), 8)
            } else {
                (text[...], 10)
            }
        guard !digits.isEmpty, !digits.hasPrefix("+"), !digits.hasPrefix("-") else { return nil }
        if let number = Int((isNegative ? "-" : "") + digits, radix: radix) { return .int(number) }
        guard radix == 10, digits.utf8.allSatisfy(isDigit) else { return nil }
        return Double(digits).map { .number(isNegative ? -$0 : $0) }
    }

    /// `1:30` and `1:30.5`: digits to the base sixty.
    private static func sexagesimal(_ text: Substring, isNegative: Bool) -> ConfigValue? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count > 1, let first = parts.first, let last = parts.last else { return nil }
        let places = parts.dropFirst().map { $0.prefix { $0 != "." } }
        let isFraction = last.contains(".")
        guard isFraction || first.first != "0", first.utf8.allSatisfy(isDigit), !first.isEmpty,
            parts.dropLast().allSatisfy({ !$0.contains(".") }),
            places.allSatisfy({ (1...2).contains($0.count) && $0.utf8.allSatisfy(isDigit) && (Int($0) ?? 60) < 60 }),
            last.drop(while: { $0 != "." }).dropFirst().utf8.allSatisfy(isDigit)
        else { return nil }
        let sign: Double = isNegative ? -1 : 1
        if isFraction {
            let numbers = parts.map { Double($0.hasSuffix(".") ? $0 + "0" : $0) ?? 0 }
            return .number(sign * numbers.reduce(0) { $0 * 60 + $1 })
        }
        var value = 0
        for part in parts {
            let (product, overflows) = value.multipliedReportingOverflow(by: 60)
            let (sum, overflowsToo) = product.addingReportingOverflow(Int(part) ?? 0)
            guard !overflows, !overflowsToo, Int(part) != nil else { return nil }
            value = sum
        }
        return .int(isNegative ? -value : value)
    }
}
