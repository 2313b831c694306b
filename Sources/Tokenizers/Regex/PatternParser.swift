/// Reads a pattern in Oniguruma's notation, as far as tokenizers use it; the rest is refused by name.
struct PatternParser {
    private let scalars: [UInt32]
    private var index = 0
    private var ignoresCase = false
    private var dotTakesNewlines = false
    private var isExtended = false
    private var depth = 0
    private static let maximumDepth = 50

    init(_ pattern: String) { scalars = pattern.unicodeScalars.map(\.value) }

    mutating func parse() throws(PatternError) -> PatternNode {
        let node = try alternatives()
        guard index == scalars.count else { throw expected("the end") }
        return node
    }

    private func expected(_ what: String) -> PatternError { PatternError(problem: .expected(what), position: index) }

    private func unsupported(_ what: String) -> PatternError {
        PatternError(problem: .unsupported(what), position: index)
    }

    private var next: UInt32? { index < scalars.count ? scalars[index] : nil }

    private mutating func take(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard index + count <= scalars.count else { return false }
        for offset in 0..<count where scalars[index + offset] != UInt32(text.utf8Start[offset]) { return false }
        index += count
        return true
    }

    // MARK: Structure

    private mutating func alternatives() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.maximumDepth else { throw unsupported("nesting deeper than \(Self.maximumDepth)") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let character = next, character != Self.bar, character != Self.close {
            if isExtended, try skipExtended() { continue }
            // `(?i)` holds to the end of its group, alternatives included.
            if let rest = try flagsForTheRest() {
                nodes.append(rest)
                break
            }
            nodes.append(try repeated(try atom()))
        }
        return nodes.count == 1 ? nodes[0] : nodes.isEmpty ? .empty : .sequence(nodes)
    }

    private mutating func skipExtended() throws(PatternError) -> Bool {
        guard let character = next else { return false }
        if CharacterClass.isWhitespace(character) {
            index += 1
            return true
        }
        guard character == UInt32(UInt8(ascii: "#")) else { return false }
        while let character = next, character != 0x0A {
            _ = character
            index += 1
        }
        return true
    }

    private mutating func repeated(_ atom: PatternNode) throws(PatternError) -> PatternNode {
        var node = atom
        while true {
            if isExtended, try skipExtended() { continue }
            let least: Int
            let most: Int?
            var mayBePossessive = true
            if take("*") {
                (least, most) = (0, nil)
            } else if take("+") {
                (least, most) = (1, nil)
            } else if take("?") {
                (least, most) = (0, 1)
            } else if let bounds = interval() {
                (least, most) = bounds
                // `a{1,2}+` repeats `a{1,2}`.
                mayBePossessive = false
            } else {
                return node
            }
            guard (most ?? least) <= 1000, least <= (most ?? least) else { throw unsupported("a repetition over 1000") }
            let greed: PatternNode.Greed = take("?") ? .lazy : mayBePossessive && take("+") ? .possessive : .greedy
            node = .repeated(node, least: least, most: most, greed)
        }
    }

    /// `{n}`, `{n,}`, `{,n}` or `{n,m}`; anything else that begins with a brace is text.
    private mutating func interval() -> (Int, Int?)? {
        let start = index
        guard take("{") else { return nil }
        let least = number()
        var most = least
        if take(",") { most = number() }
        let hasComma = scalars[start..<index].contains(UInt32(UInt8(ascii: ",")))
        guard take("}"), least != nil || (hasComma && most != nil) else {
            index = start
            return nil
        }
        return (least ?? 0, most)
    }

    private mutating func number() -> Int? {
        let start = index
        while let digit = next, (0x30...0x39).contains(digit), index - start < 6 { index += 1 }
        return Int(String(String.UnicodeScalarView(scalars[start..<index].compactMap(Unicode.Scalar.init))))
    }

    private mutating func flagsForTheRest() throws(PatternError) -> PatternNode? {
        let start = index
        guard take("(?"), let first = next, Self.flagLetters.contains(first) else {
            index = start
            return nil
        }
        let before = (ignoresCase, dotTakesNewlines, isExtended)
        try flags()
        guard take(")") else {
            (ignoresCase, dotTakesNewlines, isExtended) = before
            index = start
            return nil
        }
        defer { (ignoresCase, dotTakesNewlines, isExtended) = before }
        return try alternatives()
    }

    private mutating func flags() throws(PatternError) {
        var isOn = true
        while let letter = next, letter != Self.close, letter != UInt32(UInt8(ascii: ":")) {
            switch Unicode.Scalar(letter) {
            case "-": isOn = false
            case "i": ignoresCase = isOn
            case "m": dotTakesNewlines = isOn
            case "x": isExtended = isOn
            default: throw unsupported("the flag \(Unicode.Scalar(letter).map(String.init) ?? "")")
            }
            index += 1
        }
    }

    private mutating func group() throws(PatternError) -> PatternNode {
        let before = (ignoresCase, dotTakesNewlines, isExtended)
        defer { (ignoresCase, dotTakesNewlines, isExtended) = before }
        var wrap: (PatternNode) -> PatternNode = { $0 }
        if take("?:") {
        } else if take("?=") {
            wrap = { .ahead($0, isNegated: false) }
        } else if take("?!") {
            wrap = { .ahead($0, isNegated: true) }
        } else if take("?<=") {
            wrap = { .behind($0, isNegated: false) }
        } else if take("?<!") {
            wrap = { .behind($0, isNegated: true) }
        } else if take("?>") {
            wrap = { .atomic($0) }
        } else if take("?<") || take("?P<") {
            while let character = next, character != UInt32(UInt8(ascii: ">")) {
                _ = character
                index += 1
            }
            guard take(">") else { throw expected("'>'") }
        } else if take("?#") {
            while let character = next, character != Self.close {
                _ = character
                index += 1
            }
            guard take(")") else { throw expected("')'") }
            return .empty
        } else if take("?") {
            guard let letter = next, Self.flagLetters.contains(letter) else { throw unsupported("this kind of group") }
            try flags()
            guard take(":") else { throw expected("':'") }
        }
        let node = try alternatives()
        guard take(")") else { throw expected("')'") }
        return wrap(node)
    }

    private mutating func atom() throws(PatternError) -> PatternNode {
        guard let character = next, let scalar = Unicode.Scalar(character) else { throw expected("a character") }
        switch scalar {
        case "(":
            index += 1
            return try group()
        case "[":
            var classes = PatternClassParser(scalars: scalars, index: index, ignoresCase: ignoresCase)
            let set = try classes.parse()
            index = classes.index
            return .set(set)
        case ".":
            index += 1
            var set = PatternSet(.any)
            if !dotTakesNewlines {
                set = PatternSet(0x0A)
                set.isNegated = true
            }
            return .set(set)
        case "^":
            index += 1
            return .anchor(.lineStart)
        case "$":
            index += 1
            return .anchor(.lineEnd)
        case "\\": return try escape()
        case "*", "+", "?": throw expected("something to repeat")
        default:
            index += 1
            return try literal(character)
        }
    }

    private func literal(_ character: UInt32) throws(PatternError) -> PatternNode {
        if ignoresCase, let scalar = Unicode.Scalar(character),
            scalar.properties.uppercaseMapping.unicodeScalars.count > 1
        {
            throw unsupported("\(scalar) where case does not matter, as it is several characters in another case,")
        }
        var set = PatternSet(character)
        set.ignoresCase = ignoresCase
        return .set(set)
    }

    private mutating func escape() throws(PatternError) -> PatternNode {
        if take("\\A") { return .anchor(.textStart) }
        if take("\\z") { return .anchor(.textEnd) }
        if take("\\Z") { return .anchor(.textEndOrLastNewline) }
        if take("\\b") { return .anchor(.wordEdge) }
        if take("\\B") { return .anchor(.notWordEdge) }
        if take("\\R") {
            var newline = PatternSet()
            newline.ranges = [0x0A...0x0D, 0x85...0x85, 0x2028...0x2029]
            let pair = PatternNode.sequence([.set(PatternSet(0x0D)), .set(PatternSet(0x0A))])
            return .atomic(.alternatives([pair, .set(newline)]))
        }
        var classes = PatternClassParser(scalars: scalars, index: index, ignoresCase: ignoresCase)
        let set = try classes.escape()
        index = classes.index
        return .set(set)
    }

    private static let bar = UInt32(UInt8(ascii: "|"))
    private static let close = UInt32(UInt8(ascii: ")"))
    private static let flagLetters = Set("imxaDSWPy-".unicodeScalars.map(\.value))
}
