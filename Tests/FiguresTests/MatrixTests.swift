import Testing

@testable import Figures

struct MatrixTests {
    static let permutations: [(rows: [[Float]], order: [Int])] = [
        // A permuted identity is put in order.
        ([[0, 0, 1], [1, 0, 0], [0, 1, 0]], [2, 0, 1]),
        // An earlier row's choice stands, although the later row would have had more of it.
        ([[0.5, 0.4], [0.9, 0]], [0, 1]),
        ([[0.5, 0.6, 0.1], [0.2, 0.9, 0.3]], [1, 2, 0]),
        // Columns beyond the rows follow in order.
        ([[0, 0, 0, 1, 0]], [3, 0, 1, 2, 4]),
        // Of equal values the first is taken.
        ([[1, 1, 1], [1, 1, 1]], [0, 1, 2]),
        // More rows than columns.
        ([[0, 1], [1, 0], [5, 5]], [1, 0]),
        // What is not a number comes last.
        ([[.nan, 0, 1], [.nan, 0, 0]], [2, 1, 0]),
        ([[.nan, .nan]], [0, 1]),
        ([[-2, -1]], [1, 0]),
    ]

    @Test(arguments: permutations)
    func columnsAreOrderedGreedilyTowardsTheIdentity(rows: [[Float]], order: [Int]) {
        let matrix = Matrix(rows: rows.count, columns: rows[0].count, values: Array(rows.joined()))

        #expect(matrix.orderTowardsIdentity == order)
    }

    @Test func permutingColumnsMovesWholeColumns() {
        let matrix = Matrix(rows: 2, columns: 3, values: [1, 2, 3, 4, 5, 6])

        #expect(matrix.permutingColumns([2, 0, 1]) == Matrix(rows: 2, columns: 3, values: [3, 1, 2, 6, 4, 5]))
        #expect(matrix.transposed == Matrix(rows: 3, columns: 2, values: [1, 4, 2, 5, 3, 6]))
    }
}
