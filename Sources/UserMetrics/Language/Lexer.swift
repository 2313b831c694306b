/// A word of an expression.
struct ExpressionToken: Equatable {
    enum Kind: Equatable {
        case number(Double, isWhole: Bool)
        case name(String)
        case text(String)
        /// An operator or a bracket.
        case sign(String)
        case end
    }

    let kind: Kind
    /// Its first character, from 0.
    let offset: Int

    /// The token as messages show it.
    var words: String {
        switch kind {
        case .number(let number, let isWhole): isWhole ? "\(Int(number))" : "\(number)"
        case .name(let name): "'\(name)'"
        case .text(let text): "the text '\(text)'"
        case .sign(let sign): "'\(sign)'"
        case .end: "the end"
        }
    }
}

/// Cuts an expression into words.
struct Lexer {
    private let text: [Character]
    private var next = 0

    private init(_ text: String) { self.text = Array(text) }

    /// The words of a text, the end among them.
    ///
    /// - Throws: what belongs to no expression.
    static func tokens(of text: String) throws(ExpressionError) -> [ExpressionToken] {
        var lexer = Lexer(text)
        var tokens: [ExpressionToken] = []
        while let token = try lexer.token() { tokens.append(token) }
        return tokens + [ExpressionToken(kind: .end, offset: lexer.next)]
    }

    /// The longest signs come first.
    private static let signs = [
        "**", "<=", ">=", "==", "!=", "...", "+", "-", "*", "/", "@", "<", ">", "(", ")", "[", "]", ",", ":", ".", "=",
    ]

    /// What other languages write, and what is written here.
    private static let foreign = [
        "&&": "and", "||": "or", "&": "and", "|": "or", "~": "not", "!": "not", "^": "**", "//": "/",
    ]

    private mutating func token() throws(ExpressionError) -> ExpressionToken? {
        while next < text.count, text[next].isWhitespace { next += 1 }
        guard next < text.count else { return nil }
        let (start, first) = (next, text[next])
        let second: Character? = start + 1 < text.count ? text[start + 1] : nil
        if isDigit(first) || first == "." && second.map(isDigit) ?? false { return try number() }
        if isLetter(first) {
            while next < text.count, isLetter(text[next]) || isDigit(text[next]) { next += 1 }
            return ExpressionToken(kind: .name(String(text[start..<next])), offset: start)
        }
        if first == "'" || first == "\"" { return try quoted(first) }
        if let sign = Self.signs.first(where: { starts(with: $0) }) {
            if sign == "/", second == "/" { throw ExpressionError("'//' means nothing here; write /", at: start) }
            next += sign.count
            return ExpressionToken(kind: .sign(sign), offset: start)
        }
        for length in [2, 1] where start + length <= text.count {
            let found = String(text[start..<start + length])
            guard let meant = Self.foreign[found] else { continue }
            throw ExpressionError("'\(found)' means nothing here; write '\(meant)'", at: start)
        }
        throw ExpressionError("'\(first)' means nothing here", at: start)
    }

    private func starts(with sign: String) -> Bool { text[next...].starts(with: sign) }

    private func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }

    private func isLetter(_ character: Character) -> Bool {
        character == "_" || character.isASCII && character.isLetter
    }

    private mutating func quoted(_ quote: Character) throws(ExpressionError) -> ExpressionToken {
        let start = next
        guard let end = text[(start + 1)...].firstIndex(of: quote) else {
            throw ExpressionError("a text that begins here has no closing \(quote)", at: start)
        }
        next = end + 1
        return ExpressionToken(kind: .text(String(text[(start + 1)..<end])), offset: start)
    }

    private mutating func skipDigits() {
        while next < text.count, isDigit(text[next]) || text[next] == "_" { next += 1 }
    }

    private mutating func number() throws(ExpressionError) -> ExpressionToken {
        let start = next
        var isWhole = true
        skipDigits()
        if next < text.count, text[next] == "." {
            isWhole = false
            next += 1
            skipDigits()
        }
        if next < text.count, text[next] == "e" || text[next] == "E" {
            isWhole = false
            next += 1
            if next < text.count, text[next] == "+" || text[next] == "-" { next += 1 }
            skipDigits()
        }
        let found = String(text[start..<next])
        let isFollowed = next < text.count && isLetter(text[next])
        guard !isFollowed, let value = Double(found.filter { $0 != "_" }), value.isFinite,
            !isWhole || value < 0x1p31
        else {
            throw ExpressionError("'\(found)\(isFollowed ? String(text[next]) : "")' is not a number", at: start)
        }
        return ExpressionToken(kind: .number(value, isWhole: isWhole), offset: start)
    }
}
