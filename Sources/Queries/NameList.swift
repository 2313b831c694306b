/// Columns' names with commas between them, as `--columns` and `--group-by` take them, and with signs as `--sort` does.
public struct NameList: Sendable, Equatable {
    /// One of them.
    public struct Name: Sendable, Equatable {
        /// The name without its sign.
        public let text: String
        /// Where the name begins, in characters from 0.
        public let position: Int
        /// Whether a `-` stands before it.
        public let isDescending: Bool
    }

    /// What was written.
    public let text: String
    /// The names in order.
    public let names: [Name]

    /// Reads a list.
    ///
    /// - Parameters:
    ///   - text: The names; backticks around one let it contain anything.
    ///   - isSigned: Whether `-` before a name means that large values come first, and `+` that small ones do.
    /// - Throws: ``QueryError`` where a name is missing.
    public init(parsing text: String, isSigned: Bool = false) throws(QueryError) {
        var names: [Name] = []
        let tokens = try QueryToken.all(in: text)
        for (index, token) in tokens.enumerated() {
            guard index.isMultiple(of: 2) else {
                if token.kind == .sign(",") || token.kind == .end { continue }
                throw QueryError(text, at: token.position, "expected a comma, found \(token.words)")
            }
            switch token.kind {
            case .name(let name), .quoted(let name):
                names.append(Name(text: name, position: token.position + 1, isDescending: false))
            case .word(let word):
                let hasSign = isSigned && (word.hasPrefix("-") || word.hasPrefix("+"))
                let name = hasSign ? String(word.dropFirst()) : word
                guard !name.isEmpty else {
                    throw QueryError(text, at: token.position, "expected a column's name after '\(word)'")
                }
                names.append(
                    Name(
                        text: name, position: token.position + (hasSign ? 1 : 0),
                        isDescending: hasSign && word.hasPrefix("-")))
            case .sign, .end:
                throw QueryError(text, at: token.position, "expected a column's name, found \(token.words)")
            }
        }
        (self.text, self.names) = (text, names)
    }
}
