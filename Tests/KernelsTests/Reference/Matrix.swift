import Kernels

/// A matrix in double precision, in row-major order.
struct Matrix: Equatable {
    let rows: Int
    let columns: Int
    var values: [Double]

    init(_ rows: Int, _ columns: Int, _ values: [Double]) {
        precondition(values.count == rows * columns)
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    init(zeros rows: Int, _ columns: Int) {
        self.init(rows, columns, Array(repeating: 0, count: rows * columns))
    }

    /// A vector becomes one row.
    init(_ tensor: Tensor) {
        let columns = tensor.shape.last ?? 1
        self.init(tensor.values.count / max(columns, 1), columns, tensor.values.map(Double.init))
    }

    subscript(row: Int, column: Int) -> Double {
        get { values[row * columns + column] }
        set { values[row * columns + column] = newValue }
    }

    var transposed: Matrix {
        var result = Matrix(zeros: columns, rows)
        for row in 0..<rows {
            for column in 0..<columns { result[column, row] = self[row, column] }
        }
        return result
    }

    func map(_ function: (Double) -> Double) -> Matrix { Matrix(rows, columns, values.map(function)) }

    /// Adds a bias, if there is one, to every row.
    func adding(_ bias: Matrix?) -> Matrix {
        guard let bias else { return self }
        var result = self
        for place in values.indices { result.values[place] += bias.values[place % columns] }
        return result
    }

    static func + (a: Matrix, b: Matrix) -> Matrix { a.combined(b, +) }
    static func - (a: Matrix, b: Matrix) -> Matrix { a.combined(b, -) }

    private func combined(_ other: Matrix, _ operation: (Double, Double) -> Double) -> Matrix {
        precondition(rows == other.rows && columns == other.columns)
        return Matrix(rows, columns, zip(values, other.values).map(operation))
    }

    static func * (a: Matrix, b: Matrix) -> Matrix {
        precondition(a.columns == b.rows)
        var result = Matrix(zeros: a.rows, b.columns)
        for i in 0..<a.rows {
            for j in 0..<b.columns {
                var sum = 0.0
                var k = 0
                while k < a.columns {  // a range's iterator would take most of a debug build's time
                    sum += a.values[i * a.columns + k] * b.values[k * b.columns + j]
                    k += 1
                }
                result.values[i * b.columns + j] = sum
            }
        }
        return result
    }

    /// The element by element product.
    func times(_ other: Matrix) -> Matrix { combined(other, *) }

    var sumOfSquares: Double { values.reduce(0) { $0 + $1 * $1 } }
}
