/// The pairing of rows with columns that makes the sum of the pairs' costs smallest.
///
/// The Hungarian method with potentials and shortest augmenting paths, O(rows² columns): R. Jonker and A. Volgenant, "A
/// shortest augmenting path algorithm for dense and sparse linear assignment problems", Computing 38 (1987).
public struct Assignment: Equatable, Sendable {
    /// The column of each row; nil if there are fewer columns than rows and the row went without.
    public let columns: [Int?]
    /// The sum of the pairs' costs.
    public let cost: Double

    /// Pairs every row, or every column where there are fewer of these.
    ///
    /// - Precondition: the costs are finite, and all rows are equally long.
    public init(costs: [[Double]]) {
        let (rows, count) = (costs.count, costs.first?.count ?? 0)
        guard rows > 0, count > 0 else {
            (columns, cost) = (Array(repeating: nil, count: rows), 0)
            return
        }
        let isFlipped = rows > count
        let given = isFlipped ? (0..<count).map { column in costs.map { $0[column] } } : costs
        let pairs = Self.shortestPaths(given)
        var found: [Int?] = Array(repeating: nil, count: rows)
        for (first, second) in pairs.enumerated() {
            if isFlipped { found[second] = first } else { found[first] = second }
        }
        columns = found
        cost = found.enumerated().reduce(0) { sum, pair in pair.element.map { sum + costs[pair.offset][$0] } ?? sum }
    }

    /// The column of each row, where there are at least as many columns as rows.
    private static func shortestPaths(_ costs: [[Double]]) -> [Int] {
        let (n, m) = (costs.count, costs[0].count)
        // Place 0 is a column that stands for "the row that is being paired".
        var rowPotential = Array(repeating: 0.0, count: n + 1)
        var columnPotential = Array(repeating: 0.0, count: m + 1)
        var rowOfColumn = Array(repeating: 0, count: m + 1)
        var previous = Array(repeating: 0, count: m + 1)
        for row in 1...n {
            rowOfColumn[0] = row
            var column = 0
            var distance = Array(repeating: Double.infinity, count: m + 1)
            var isDone = Array(repeating: false, count: m + 1)
            repeat {
                isDone[column] = true
                let current = rowOfColumn[column]
                var (shortest, next) = (Double.infinity, 0)
                for other in 1...m where !isDone[other] {
                    let reduced = costs[current - 1][other - 1] - rowPotential[current] - columnPotential[other]
                    if reduced < distance[other] { (distance[other], previous[other]) = (reduced, column) }
                    if distance[other] < shortest { (shortest, next) = (distance[other], other) }
                }
                for other in 0...m {
                    if isDone[other] {
                        rowPotential[rowOfColumn[other]] += shortest
                        columnPotential[other] -= shortest
                    } else {
                        distance[other] -= shortest
                    }
                }
                column = next
            } while rowOfColumn[column] != 0
            repeat {
                rowOfColumn[column] = rowOfColumn[previous[column]]
                column = previous[column]
            } while column != 0
        }
        var result = Array(repeating: 0, count: n)
        for column in 1...m where rowOfColumn[column] > 0 { result[rowOfColumn[column] - 1] = column - 1 }
        return result
    }
}
