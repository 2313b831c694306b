/// Reads a ``Condition`` from its tokens, by descent: `or` binds least, then `and`, then `not`.
struct ConditionParser {
    private let text: String
    private let tokens: [QueryToken]
    private var next = 0
    private var depth = 0

    /// Nested deeper than this, a condition is not one that somebody has written.
    private static let deepest = 100

    init(_ text: String) throws(QueryError) {
        self.text = text
        tokens = try QueryToken.all(in: text)
    }

    mutating func whole() throws(QueryError) -> Condition.Node {
        if token.kind == .end { throw error("there is no condition; expected one like lr<0.01") }
        let node = try alternatives()
        guard token.kind == .end else {
            throw error("expected 'and', 'or' or the end, found \(token.words)" + near(["and", "or"]))
        }
        return node
    }

    private var token: QueryToken { tokens[next] }

    private func error(_ message: String) -> QueryError { QueryError(text, at: token.position, message) }

    private func near(_ words: [String]) -> String {
        guard case .word(let word) = token.kind else { return "" }
        return suggestion(for: word, among: words)
    }

    private mutating func take(_ keyword: String) -> Bool {
        guard case .word(let word) = token.kind, word.lowercased() == keyword else { return false }
        next += 1
        return true
    }

    private mutating func take(sign: String) -> Bool {
        guard token.kind == .sign(sign) else { return false }
        next += 1
        return true
    }

    private mutating func alternatives() throws(QueryError) -> Condition.Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw error("nested deeper than \(Self.deepest) times") }
        var nodes = [try conjunction()]
        while take("or") { nodes.append(try conjunction()) }
        return nodes.count == 1 ? nodes[0] : .any(nodes)
    }

    private mutating func conjunction() throws(QueryError) -> Condition.Node {
        var nodes = [try negation()]
        while take("and") { nodes.append(try negation()) }
        return nodes.count == 1 ? nodes[0] : .all(nodes)
    }

    private mutating func negation() throws(QueryError) -> Condition.Node {
        var isNegated = false
        while take("not") { isNegated.toggle() }
        let node = try primary()
        return isNegated ? .not(node) : node
    }

    private mutating func primary() throws(QueryError) -> Condition.Node {
        if take(sign: "(") {
            let node = try alternatives()
            guard take(sign: ")") else { throw error("expected ')', found \(token.words)") }
            return node
        }
        return try comparison()
    }

    private mutating func comparison() throws(QueryError) -> Condition.Node {
        let name: Condition.Name
        switch token.kind {
        case .word(let word) where !["and", "or", "in"].contains(word.lowercased()):
            name = Condition.Name(text: word, position: token.position)
        case .name(let word): name = Condition.Name(text: word, position: token.position)
        default: throw error("expected a column's name, found \(token.words)")
        }
        next += 1
        if take("in") { return .comparison(try list(name)) }
        if case .word(let word) = token.kind, word.lowercased() == "not" {
            next += 1
            guard take("in") else { throw error("expected 'in' after 'not', found \(token.words)") }
            return .not(.comparison(try list(name)))
        }
        guard case .sign(let text) = token.kind,
            let sign = Condition.Comparison.Sign(rawValue: text == "==" ? "=" : text)
        else {
            throw error(
                "expected =, !=, <, <=, >, >=, ~ or 'in' after '\(name.text)', found \(token.words)" + near(["in"]))
        }
        next += 1
        return .comparison(Condition.Comparison(column: name, sign: sign, operands: [try operand()]))
    }

    private mutating func list(_ name: Condition.Name) throws(QueryError) -> Condition.Comparison {
        guard take(sign: "(") else { throw error("expected '(' after 'in', found \(token.words)") }
        var operands = [try operand()]
        while take(sign: ",") { operands.append(try operand()) }
        guard take(sign: ")") else { throw error("expected ',' or ')', found \(token.words)") }
        return Condition.Comparison(column: name, sign: .equal, operands: operands)
    }

    private mutating func operand() throws(QueryError) -> Condition.Operand {
        let token = token
        let kind: Condition.Operand.Kind
        var spelling = ""
        switch token.kind {
        case .quoted(let text): (kind, spelling) = (.value(.text(text)), text)
        case .name(let text): kind = .column(Condition.Name(text: text, position: token.position))
        case .word(let word):
            if ["and", "or", "not", "in"].contains(word.lowercased()) {
                throw error("expected a value, found '\(word)'; the word itself is written \"\(word)\"")
            }
            (kind, spelling) = (.value(Self.value(of: word)), word)
        case .sign, .end: throw error("expected a value, found \(token.words)")
        }
        next += 1
        return Condition.Operand(kind: kind, spelling: spelling, position: token.position)
    }

    /// What a bare word stands for.
    static func value(of word: String) -> Value {
        switch word.lowercased() {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null", "none": return .missing
        default: break
        }
        return Double(word).map(Value.number) ?? .text(word)
    }
}
