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

    /// Plain `while` loops: a range's iterator would take most of a debug build's time.
    init(_ rows: Int, _ columns: Int, element: (Int, Int) -> Double) {
        var values: [Double] = []
        values.reserveCapacity(rows * columns)
        var row = 0
        while row < rows {
            var column = 0
            while column < columns {
                values.append(element(row, column))
                column += 1
            }
            row += 1
        }
        self.init(rows, columns, values)
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

    var transposed: Matrix { Matrix(columns, rows) { self[$1, $0] } }

    func map(_ function: (Double) -> Double) -> Matrix { Matrix(rows, columns) { function(self[$0, $1]) } }

    /// Adds a bias, if there is one, to every row.
    func adding(_ bias: Matrix?) -> Matrix {
        guard let bias else { return self }
        return Matrix(rows, columns) { self[$0, $1] + bias[0, $1] }
    }

    static func + (a: Matrix, b: Matrix) -> Matrix { Matrix(a.rows, a.columns) { a[$0, $1] + b[$0, $1] } }
    static func - (a: Matrix, b: Matrix) -> Matrix { Matrix(a.rows, a.columns) { a[$0, $1] - b[$0, $1] } }

    /// The element by element product.
    func times(_ other: Matrix) -> Matrix { Matrix(rows, columns) { self[$0, $1] * other[$0, $1] } }

    static func * (a: Matrix, b: Matrix) -> Matrix {
        Matrix(a.rows, b.columns) { row, column in
            var sum = 0.0
            var k = 0
            while k < a.columns {
                sum += a.values[row * a.columns + k] * b.values[k * b.columns + column]
                k += 1
            }
            return sum
        }
    }

    var sumOfSquares: Double {
        var (sum, place) = (0.0, 0)
        while place < values.count {
            sum += values[place] * values[place]
            place += 1
        }
        return sum
    }
}
