/// The smallest parts of a condition.
struct QueryToken: Equatable {
    enum Kind: Equatable {
        /// Letters, digits and what stands within names: `lr`, `loss/total`, `tms_5-2`, `1e-3`.
        case word(String)
        /// Text between quotation marks.
        case quoted(String)
        /// A column's name between backticks.
        case name(String)
        /// `<`, `!=`, `(`, `,` and the like.
        case sign(String)
        case end
    }
    let kind: Kind
    /// Its first character, from 0.
    let position: Int

    /// As messages name it.
    var words: String {
        switch kind {
        case .word(let text), .sign(let text): "'\(text)'"
        case .quoted(let text): "the text '\(text)'"
        case .name(let text): "the column '\(text)'"
        case .end: "the end"
        }
    }

    /// Takes a text apart; the last token is the end.
    static func all(in text: String) throws(QueryError) -> [QueryToken] {
        let characters = Array(text)
        var tokens: [QueryToken] = []
        var index = 0
        while index < characters.count {
            let (start, first) = (index, characters[index])
            if first.isWhitespace {
                index += 1
            } else if isOfWord(first) {
                while index < characters.count, isOfWord(characters[index]) { index += 1 }
                tokens.append(QueryToken(kind: .word(String(characters[start..<index])), position: start))
            } else if "\"'`".contains(first) {
                guard let end = characters[(start + 1)...].firstIndex(of: first) else {
                    throw QueryError(text, at: start, "\(first) has no end")
                }
                let inside = String(characters[start + 1..<end])
                tokens.append(QueryToken(kind: first == "`" ? .name(inside) : .quoted(inside), position: start))
                index = end + 1
            } else {
                let pair = String(characters[start..<min(start + 2, characters.count)])
                if let word = ["&&": "and", "||": "or"][pair] {
                    throw QueryError(text, at: start, "'\(pair)' is written '\(word)' here")
                }
                let sign = ["==", "!=", "<=", ">=", "!~"].contains(pair) ? pair : String(first)
                guard sign.count == 2 || "=<>~(),".contains(first) else {
                    let hint = first == "!" ? "; 'not' negates a condition" : ""
                    throw QueryError(text, at: start, "'\(first)' means nothing here" + hint)
                }
                tokens.append(QueryToken(kind: .sign(sign), position: start))
                index += sign.count
            }
        }
        return tokens + [QueryToken(kind: .end, position: characters.count)]
    }

    /// Names of settings have dots, those of metrics slashes, experiments and numbers dashes, numbers a plus.
    private static func isOfWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || "_./-+:%@*#".contains(character)
    }
}
