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
        return "\(place): \(message)\n  \(printable)\n  \(String(repeating: " ", count: position))^"
    }

    /// The text on one line of a terminal, with as many characters.
    private var printable: String {
        String(text.map { $0.unicodeScalars.contains { $0.properties.generalCategory == .control } ? " " : $0 })
    }

    init(_ text: String, at position: Int, _ message: String) {
        (self.text, self.position, self.message) = (text, position, message)
    }
}
