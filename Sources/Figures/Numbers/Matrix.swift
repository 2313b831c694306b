/// A table of numbers.
public struct Matrix: Codable, Equatable, Sendable {
    /// How many rows there are.
    public let rows: Int
    /// How many columns there are.
    public let columns: Int
    /// The elements, row after row.
    public let values: [Float]

    /// Creates a matrix from its elements, row after row.
    ///
    /// - Precondition: there are `rows * columns` values.
    public init(rows: Int, columns: Int, values: [Float]) {
        precondition(values.count == rows * columns, "\(values.count) values for \(rows) x \(columns)")
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    /// The element in a row and a column.
    public subscript(row: Int, column: Int) -> Float { values[row * columns + column] }
}
