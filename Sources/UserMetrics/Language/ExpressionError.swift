/// What is wrong with an expression, and where in it.
public struct ExpressionError: Error, Equatable, Sendable {
    /// What is wrong, in one line.
    public let reason: String
    /// The character that it begins at, from 0.
    public let offset: Int
    /// A name that means nothing, if that is what is wrong.
    public let strangeName: String?
    /// What could stand in its place.
    public let known: [String]

    init(_ reason: String, at offset: Int, strangeName: String? = nil, known: [String] = []) {
        self.reason = reason
        self.offset = offset
        self.strangeName = strangeName
        self.known = known
    }
}

extension ExpressionError: CustomStringConvertible {
    /// The reason and the place.
    public var description: String { "\(reason) (at character \(offset + 1))" }
}
