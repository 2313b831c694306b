/// A table of numbers to be looked at.
public struct Matrix: Equatable, Sendable {
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

    /// The matrix with rows and columns exchanged.
    public var transposed: Matrix {
        Matrix(
            rows: columns, columns: rows,
            values: (0..<columns).flatMap { column in (0..<rows).map { self[$0, column] } })
    }

    /// The columns in another order.
    public func permutingColumns(_ order: [Int]) -> Matrix {
        Matrix(
            rows: rows, columns: order.count,
            values: (0..<rows).flatMap { row in order.map { self[row, $0] } })
    }

    /// The order of columns that brings the matrix close to the identity, greedily.
    ///
    /// Row by row the unused column with the largest value is taken, the first of several; the rest follow in order.
    public var orderTowardsIdentity: [Int] {
        var order: [Int] = []
        var isUsed = Array(repeating: false, count: columns)
        for row in 0..<min(rows, columns) {
            // What is not a number is taken last.
            func rank(_ column: Int) -> Float { self[row, column].isNaN ? -.infinity : self[row, column] }
            let unused = (0..<columns).filter { !isUsed[$0] }
            guard var best = unused.first else { break }
            for column in unused where rank(column) > rank(best) { best = column }
            isUsed[best] = true
            order.append(best)
        }
        return order + (0..<columns).filter { !isUsed[$0] }
    }
}
