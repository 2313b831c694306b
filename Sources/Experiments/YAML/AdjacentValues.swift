/// Values that follow the colon of a flow mapping at once, as in `{values:[1, 2]}`, which PyYAML takes and the parser
/// does not: a blank is put between the two.
struct AdjacentValues {
    /// The text with the blanks.
    private(set) var text: String
    /// Where they stand in it.
    private var blanks: [SourcePlace] = []
    /// Each costs another look at the whole text.
    private static let most = 2000

    init(_ text: String) { self.text = text }

    /// Replaces the text by one in which everything has the same place.
    mutating func replace(by text: String) { self.text = text }

    /// Puts a blank behind the colon that the parser has stumbled over.
    ///
    /// - Parameters:
    ///   - problem: What the parser says.
    ///   - place: Where that is.
    /// - Returns: Whether it was such a colon.
    mutating func takesApart(_ problem: String, at place: SourcePlace) -> Bool {
        guard problem.hasSuffix("unexpected ':'"), blanks.count < Self.most, let colon = index(of: place),
            text.unicodeScalars[colon] == ":"
        else { return false }
        let next = text.unicodeScalars.index(after: colon)
        guard next < text.endIndex, "[]{},".unicodeScalars.contains(text.unicodeScalars[next]) else { return false }
        text.unicodeScalars.insert(" ", at: next)
        blanks.append(SourcePlace(line: place.line, column: place.column + 1))
        return true
    }

    /// A place as the user sees it, without the blanks.
    func original(_ place: SourcePlace) -> SourcePlace {
        let before = blanks.count { $0.line == place.line && $0.column < place.column }
        return SourcePlace(line: place.line, column: place.column - before, aliasLine: place.aliasLine)
    }

    private func index(of place: SourcePlace) -> String.Index? {
        let scalars = text.unicodeScalars
        var (index, line) = (scalars.startIndex, 1)
        while line < place.line, index < scalars.endIndex {
            let scalar = scalars[index]
            index = scalars.index(after: index)
            let isPair = scalar == "\r" && index < scalars.endIndex && scalars[index] == "\n"
            if !isPair, ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar) { line += 1 }
        }
        guard let found = scalars.index(index, offsetBy: place.column - 1, limitedBy: scalars.endIndex),
            found < scalars.endIndex
        else { return nil }
        return found
    }
}
