public import Kernels

/// The order of a matrix's columns that brings it close to the identity.
///
/// Row by row the unused column with the largest value is taken, the first of several; the rest follow by rising index.
public struct ColumnOrder: Equatable, Sendable {
    /// The columns, in their order.
    public let columns: [Int]
    /// Of each row that took a column, whether its choice was clear: the two best unused columns were at least
    /// ``margin`` apart.
    public let isUnique: [Bool]

    /// How far apart two values must be to count as different.
    public static let margin: Float = 1e-5

    /// Orders the columns of a matrix (rows, columns); what is not a number is taken last.
    public init(_ matrix: Tensor) {
        let (rows, count) = (matrix.shape[0], matrix.shape[1])
        var (order, isUnique): ([Int], [Bool]) = ([], [])
        var unused = Array(0..<count)
        for row in 0..<min(rows, count) {
            func rank(_ place: Int) -> Float {
                let value = matrix.values[row * count + unused[place]]
                return value.isNaN ? -.infinity : value
            }
            var (best, second) = (0, -Float.infinity)
            for place in unused.indices.dropFirst() {
                if rank(place) > rank(best) {
                    second = rank(best)
                    best = place
                } else {
                    second = max(second, rank(place))
                }
            }
            isUnique.append(unused.count == 1 || rank(best) - second >= Self.margin)
            order.append(unused.remove(at: best))
        }
        (columns, self.isUnique) = (order + unused, isUnique)
    }
}

extension Tensor {
    /// A matrix with its columns in another order.
    public func columns(_ order: [Int]) -> Tensor {
        let (rows, count) = (shape[0], shape[1])
        return Tensor(
            shape: [rows, order.count],
            values: (0..<rows).flatMap { row in order.map { values[row * count + $0] } })
    }

    /// The smallest and the largest value; zeros if there is none.
    public var extent: (low: Float, high: Float) { (values.min() ?? 0, values.max() ?? 0) }
}
