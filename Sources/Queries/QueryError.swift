/// A mistake in a condition, or in a list of columns: what it is, and where.
public struct QueryError: Error, Equatable, CustomStringConvertible {
    /// What was written.
    public let text: String
    /// Which of its characters the mistake begins at, from 0.
    public let position: Int
    /// What is wrong, and what was expected.
    public let message: String

    /// The message with the text and a mark below the place.
    public var description: String {
        let place = position >= text.count ? "at its end" : "character \(position + 1)"
        let (excerpt, mark) = excerpt
        return "\(place): \(message)\n  \(excerpt)\n  \(String(repeating: " ", count: mark))^"
    }

    /// The text on one line of a terminal, with as many characters, and where in it the mistake begins.
    ///
    /// For a long text, the part around the mistake.
    private var excerpt: (text: String, mark: Int) {
        let printable = text.map { $0.unicodeScalars.contains { $0.properties.generalCategory == .control } ? " " : $0 }
        guard printable.count > 100 else { return (String(printable), position) }
        let start = max(0, min(position - 50, printable.count - 90))
        let end = min(start + 90, printable.count)
        let before = start > 0 ? "… " : ""
        let excerpt = before + String(printable[start..<end]) + (end < printable.count ? " …" : "")
        return (excerpt, position - start + before.count)
    }

    init(_ text: String, at position: Int, _ message: String) {
        (self.text, self.position, self.message) = (text, position, message)
    }
}
