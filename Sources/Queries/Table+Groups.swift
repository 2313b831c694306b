/// Rows that agree in some columns, and what the numbers of the others are among them.
public struct Group: Sendable, Equatable {
    /// The values that they agree in.
    public let key: [Value]
    /// The rows, by their indices.
    public let rows: [Int]
    /// Of each measured column.
    public let summaries: [Summary]
}

/// What the numbers of a group are like; NaN and what is missing is left out.
public struct Summary: Sendable, Equatable {
    /// How many there are.
    public let n: Int
    /// Their mean; nil without any.
    public let mean: Double?
    /// The square root of their sample variance (n − 1); nil for fewer than two.
    public let deviation: Double?
    /// Their median: between the two middle ones if n is even.
    public let median: Double?

    /// Sums numbers up.
    public init(_ numbers: [Double]) {
        let sorted = numbers.filter { !$0.isNaN }.sorted()
        n = sorted.count
        guard n > 0 else {
            (mean, deviation, median) = (nil, nil, nil)
            return
        }
        let mean = sorted.reduce(0, +) / Double(n)
        self.mean = mean
        let squares = sorted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        deviation = n > 1 ? (squares / Double(n - 1)).squareRoot() : nil
        let (low, high) = (sorted[(n - 1) / 2], sorted[n / 2])
        median = low == high ? low : (low + high) / 2
    }
}

extension Table {
    /// Groups rows that agree in some columns.
    ///
    /// - Parameters:
    ///   - indices: The rows.
    ///   - columns: The columns in which the rows of a group agree.
    ///   - measured: The columns whose numbers are summed up.
    /// - Returns: The groups in the order of their first rows.
    public func groups(_ indices: [Int], by columns: [Int], measuring measured: [Int]) -> [Group] {
        var places: [[Value]: Int] = [:]
        var members: [(key: [Value], rows: [Int])] = []
        for index in indices {
            // NaN differs from itself, as a key of a dictionary too.
            let key = columns.map { column in
                let value = rows[index][column]
                return value.number?.isNaN == true ? .text("nan") : value
            }
            if let place = places[key] {
                members[place].rows.append(index)
            } else {
                places[key] = members.count
                members.append((key, [index]))
            }
        }
        return members.map { key, rows in
            Group(
                key: key, rows: rows,
                summaries: measured.map { column in Summary(rows.compactMap { self.rows[$0][column].number }) })
        }
    }
}
