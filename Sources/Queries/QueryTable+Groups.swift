/// Rows that agree in some columns, with statistics of the others.
public struct Group: Sendable, Equatable {
    /// The values that they agree in.
    public let key: [Value]
    /// The rows, by their indices.
    public let rows: [Int]
    /// Of each measured column.
    public let summaries: [Summary]
}

/// Statistics of a group's numbers; NaN and missing values are left out.
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
        let mean = Self.mean(ofSorted: sorted)
        self.mean = mean
        deviation = n > 1 ? Self.deviation(of: sorted, from: mean) : nil
        let (low, high) = (sorted[(n - 1) / 2], sorted[n / 2])
        median = low == high ? low : (low + high) / 2
    }

    /// The mean of numbers, summed up so that what each addition rounds off is made good: that of equal numbers is
    /// exactly they.
    private static func mean(ofSorted numbers: [Double]) -> Double {
        var (sum, lost) = (0.0, 0.0)
        for number in numbers {
            let next = sum + number
            lost += abs(sum) >= abs(number) ? (sum - next) + number : (number - next) + sum
            sum = next
        }
        let count = Double(numbers.count)
        // A sum that is too large, or numbers that are not finite, leave nothing to make good.
        let mean = sum.isFinite ? (sum + lost) / count : numbers.reduce(0) { $0 + $1 / count }
        guard mean.isFinite, let least = numbers.first, let greatest = numbers.last else { return mean }
        return min(max(mean, least), greatest)
    }

    /// The square root of the sample variance of two numbers or more.
    private static func deviation(of numbers: [Double], from mean: Double) -> Double {
        let distances = numbers.map { abs($0 - mean) }
        let greatest = distances.max() ?? 0
        guard greatest > 0, greatest.isFinite else { return greatest }
        // Squares of very large and very small numbers overflow or vanish.
        let scale = (1e-150...1e150).contains(greatest) ? 1 : greatest
        let squares = distances.reduce(0) { $0 + ($1 / scale) * ($1 / scale) }
        return scale * (squares / Double(numbers.count - 1)).squareRoot()
    }
}

extension QueryTable {
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
