/// Rows of tokens, all of one length.
public struct TokenBatch: Equatable, Sendable {
    /// How many rows there are.
    public let rows: Int
    /// T, the tokens of a row.
    public let length: Int
    /// The tokens (rows, length).
    public let tokens: [Int32]

    /// Joins tokens to rows.
    ///
    /// - Precondition: `tokens.count` is `rows * length`.
    public init(rows: Int, length: Int, tokens: [Int32]) {
        precondition(tokens.count == rows * length, "\(tokens.count) tokens for \(rows) rows of \(length)")
        self.rows = rows
        self.length = length
        self.tokens = tokens
    }

    /// Refuses tokens that a model does not have, and rows that are longer than its positions.
    func check(for shape: TransformerShape) throws(KernelError) {
        guard rows > 0, length > 0 else { throw .invalidSettings("the batch has no tokens") }
        if let positions = shape.positions, length > positions.count {
            throw .invalidSettings(
                "rows of \(length) tokens are longer than the model's \(positions.count) positions")
        }
        if let stranger = tokens.first(where: { $0 < 0 || Int($0) >= shape.vocabulary }) {
            throw .invalidSettings(
                "there is no token \(stranger); the model has \(shape.vocabulary), from 0")
        }
    }
}

extension TransformerShape {
    /// How many rows of tokens go through a pass together: enough places for products to be fast, few enough for the
    /// cache.
    func rowsPerPass(length: Int) -> Int { max(1, 512 / length) }
}
