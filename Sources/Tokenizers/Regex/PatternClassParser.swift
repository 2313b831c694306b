/// Reads what stands for one character: `[…]`, and escapes such as `\s`, `\p{L}` or `\x{2581}`.
struct PatternClassParser {
    let scalars: [UInt32]
    var index: Int
    let ignoresCase: Bool
    private var depth = 0

    init(scalars: [UInt32], index: Int, ignoresCase: Bool) {
        self.scalars = scalars
        self.index = index
        self.ignoresCase = ignoresCase
    }

    private func expected(_ what: String) -> PatternError { PatternError(problem: .expected(what), position: index) }

    private func unsupported(_ what: String) -> PatternError {
        PatternError(problem: .unsupported(what), position: index)
    }

    private var next: UInt32? { index < scalars.count ? scalars[index] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar.value else { return false }
        index += 1
        return true
    }

    /// `[…]`, from the bracket on.
    mutating func parse() throws(PatternError) -> PatternSet {
        depth += 1
        defer { depth -= 1 }
        guard depth < 20 else { throw unsupported("a class nested deeper than 20") }
        guard take("[") else { throw expected("'['") }
        let isNegated = take("^")
        var set = PatternSet()
        set.ignoresCase = ignoresCase
        var isFirst = true
        while true {
            guard let character = next else { throw expected("']'") }
            if character == UInt32(UInt8(ascii: "]")), !isFirst { break }
            isFirst = false
            if character == UInt32(UInt8(ascii: "&")), index + 1 < scalars.count, scalars[index + 1] == character {
                index += 2
                set.intersections.append(try restOfIntersection())
                break
            }
            if character == UInt32(UInt8(ascii: "[")) {
                if let named = try namedClass() {
                    set.nested.append(named)
                } else {
                    set.nested.append(try parse())
                }
                continue
            }
            try element(into: &set)
        }
        guard take("]") else { throw expected("']'") }
        set.isNegated = isNegated
        return set
    }

    /// What follows `&&`, up to the bracket that closes the class.
    private mutating func restOfIntersection() throws(PatternError) -> PatternSet {
        var set = PatternSet()
        set.ignoresCase = ignoresCase
        while let character = next, character != UInt32(UInt8(ascii: "]")) {
            if character == UInt32(UInt8(ascii: "&")), index + 1 < scalars.count, scalars[index + 1] == character {
                index += 2
                set.intersections.append(try restOfIntersection())
            } else if character == UInt32(UInt8(ascii: "[")) {
                if let named = try namedClass() { set.nested.append(named) } else { set.nested.append(try parse()) }
            } else {
                try element(into: &set)
            }
        }
        return set
    }

    /// One character, range or escape of a class.
    private mutating func element(into set: inout PatternSet) throws(PatternError) {
        let first = try member()
        guard case .scalar(let low) = first else {
            if case .set(let inner) = first { set.nested.append(inner) }
            return
        }
        let beforeDash = index
        guard take("-"), let character = next, character != UInt32(UInt8(ascii: "]")) else {
            index = beforeDash
            set.ranges.append(low...low)
            return
        }
        switch try member() {
        case .scalar(let high):
            guard low <= high else { throw expected("a range from a lower character to a higher one") }
            set.ranges.append(low...high)
        case .set(let inner):
            // `[+-\s]`: no range, but a dash.
            set.ranges += [low...low, 0x2D...0x2D]
            set.nested.append(inner)
        }
    }

    private enum Member {
        case scalar(UInt32)
        case set(PatternSet)
    }

    private mutating func member() throws(PatternError) -> Member {
        guard let character = next else { throw expected("']'") }
        guard character == UInt32(UInt8(ascii: "\\")) else {
            index += 1
            return .scalar(character)
        }
        let start = index
        if index + 1 < scalars.count, scalars[index + 1] == UInt32(UInt8(ascii: "b")) {
            index += 2
            return .scalar(0x08)
        }
        if let scalar = try scalarEscape() { return .scalar(scalar) }
        index = start
        return .set(try classEscape(word: .word))
    }

    /// An escape outside of brackets.
    mutating func escape() throws(PatternError) -> PatternSet {
        let start = index
        if let scalar = try scalarEscape() {
            var set = PatternSet(scalar)
            set.ignoresCase = ignoresCase
            return set
        }
        index = start
        return try classEscape(word: .wordOrSmallNumber)
    }

    /// An escape that names one character; nil if it names a class.
    private mutating func scalarEscape() throws(PatternError) -> UInt32? {
        index += 1
        guard let character = next, let scalar = Unicode.Scalar(character) else { throw expected("an escape") }
        index += 1
        switch scalar {
        case "n": return 0x0A
        case "r": return 0x0D
        case "t": return 0x09
        case "f": return 0x0C
        case "v": return 0x0B
        case "a": return 0x07
        case "e": return 0x1B
        case "0": return 0
        case "x":
            if take("{") {
                let value = try hexadecimal(upTo: 8)
                guard take("}") else { throw expected("'}'") }
                return value
            }
            return try hexadecimal(upTo: 2)
        case "u": return try hexadecimal(upTo: 4)
        case "s", "S", "d", "D", "w", "W", "h", "H", "p", "P": return nil
        case "1"..."9", "k", "g": throw unsupported("a reference to another group")
        case "A"..."Z", "a"..."z": throw unsupported("the escape \\\(scalar)")
        default: return character
        }
    }

    private mutating func hexadecimal(upTo count: Int) throws(PatternError) -> UInt32 {
        let start = index
        while let digit = next.flatMap(Unicode.Scalar.init), digit.properties.isASCIIHexDigit, index - start < count {
            index += 1
        }
        let digits = String(String.UnicodeScalarView(scalars[start..<index].compactMap(Unicode.Scalar.init)))
        guard let value = UInt32(digits, radix: 16), Unicode.Scalar(value) != nil else {
            throw expected("a character's number in hexadecimal")
        }
        return value
    }

    /// An escape that names a class; in brackets `\w` is not quite what it is outside.
    private mutating func classEscape(word: PatternSet.Property) throws(PatternError) -> PatternSet {
        index += 1
        guard let scalar = next.flatMap(Unicode.Scalar.init) else { throw expected("an escape") }
        index += 1
        var set: PatternSet
        switch scalar {
        case "s", "S": set = PatternSet(.whitespace)
        case "w", "W": set = PatternSet(word)
        case "d", "D": set = PatternSet(Categories.decimal)
        case "h", "H": set = Self.hexadecimalDigits
        default:
            guard take("{") else { throw expected("'{'") }
            let isNegated = take("^")
            set = try property()
            set.isNegated = isNegated
            if scalar == "P" { set.isNegated.toggle() }
            return set
        }
        set.isNegated = ("A"..."Z").contains(scalar)
        return set
    }

    private static let hexadecimalDigits: PatternSet = {
        var set = PatternSet()
        set.ranges = [0x30...0x39, 0x41...0x46, 0x61...0x66]
        return set
    }()

    private mutating func name(until end: Unicode.Scalar) -> String {
        let start = index
        while let character = next, character != end.value {
            _ = character
            index += 1
        }
        return String(String.UnicodeScalarView(scalars[start..<index].compactMap(Unicode.Scalar.init)))
    }

    private mutating func property() throws(PatternError) -> PatternSet {
        let name = name(until: "}")
        guard take("}") else { throw expected("'}'") }
        let plain = name.lowercased().filter { $0 != " " && $0 != "_" && $0 != "-" }
        guard let set = PatternSet(property: plain) else { throw unsupported("the property \\p{\(name)}") }
        return set
    }

    /// `[:alpha:]` and its like, within a class; nil if the bracket opens a class in the class.
    private mutating func namedClass() throws(PatternError) -> PatternSet? {
        let start = index
        guard take("["), take(":") else {
            index = start
            return nil
        }
        let isNegated = take("^")
        let name = name(until: ":")
        guard take(":"), take("]") else {
            index = start
            return nil
        }
        guard var set = PatternSet(bracketName: name) else { throw unsupported("the class [:\(name):]") }
        set.isNegated = isNegated
        return set
    }
}

extension PatternSet {
    /// The set of a `\p{…}`, by its name in lower case without spaces and dashes.
    init?(property name: String) {
        switch name {
        case "l", "letter": self.init(Categories.letters)
        case "lu", "uppercaseletter": self.init(Categories.uppercase)
        case "ll", "lowercaseletter": self.init(Categories.lowercase)
        case "lt", "titlecaseletter": self.init(Categories.titlecase)
        case "lm", "modifierletter": self.init(Categories.modifierLetter)
        case "lo", "otherletter": self.init(Categories.otherLetter)
        case "m", "mark": self.init(Categories.marks)
        case "mn", "nonspacingmark": self.init(Categories.nonspacingMark)
        case "mc", "spacingmark": self.init(Categories.spacingMark)
        case "me", "enclosingmark": self.init(Categories.enclosingMark)
        case "n", "number": self.init(Categories.numbers)
        case "nd", "decimalnumber": self.init(Categories.decimal)
        case "nl", "letternumber": self.init(Categories.letterNumber)
        case "no", "othernumber": self.init(Categories.otherNumber)
        case "p", "punctuation": self.init(Categories.punctuation)
        case "pc", "connectorpunctuation": self.init(Categories.connector)
        case "pd", "dashpunctuation": self.init(Categories.dash)
        case "ps", "openpunctuation": self.init(Categories.open)
        case "pe", "closepunctuation": self.init(Categories.close)
        case "pi", "initialpunctuation": self.init(Categories.initial)
        case "pf", "finalpunctuation": self.init(Categories.final)
        case "po", "otherpunctuation": self.init(Categories.otherPunctuation)
        case "s", "symbol": self.init(Categories.symbols)
        case "sm", "mathsymbol": self.init(Categories.math)
        case "sc", "currencysymbol": self.init(Categories.currency)
        case "sk", "modifiersymbol": self.init(Categories.modifierSymbol)
        case "so", "othersymbol": self.init(Categories.otherSymbol)
        case "z", "separator": self.init(Categories.separators)
        case "zs", "spaceseparator": self.init(Categories.space)
        case "zl", "lineseparator": self.init(Categories.line)
        case "zp", "paragraphseparator": self.init(Categories.paragraph)
        case "c", "other": self.init(Categories.others)
        case "cc", "control": self.init(Categories.control)
        case "cf", "format": self.init(Categories.format)
        case "co", "privateuse": self.init(Categories.privateUse)
        case "cn", "unassigned": self.init(Categories.unassigned)
        case "han": self.init(.han)
        case "any": self.init(.any)
        case "alphabetic": self.init(.alphabetic)
        case "whitespace": self.init(.whitespace)
        default: self.init(bracketName: name)
        }
    }

    /// The set of a `[:…:]`.
    init?(bracketName name: String) {
        switch name {
        case "alpha": self.init(.alphabetic)
        case "digit": self.init(Categories.decimal)
        case "alnum":
            self.init(.alphabetic)
            categories = .decimal
        case "space": self.init(.whitespace)
        case "word": self.init(.word)
        case "punct": self.init([Categories.punctuation, Categories.symbols])
        case "cntrl": self.init(Categories.control)
        case "ascii":
            self.init()
            ranges = [0...0x7F]
        case "xdigit":
            self.init()
            ranges = [0x30...0x39, 0x41...0x46, 0x61...0x66]
        case "blank":
            self.init(Categories.space)
            ranges = [0x09...0x09]
        default: return nil
        }
    }
}
