/// How many of some values fall into each of equal intervals between their smallest and their largest.
public struct EqualBins: Equatable, Sendable {
    /// The intervals' ends, one more than there are intervals.
    public let edges: [Double]
    /// How many values each interval holds: from its lower end on, the last with its upper end too.
    public let counts: [Int]

    /// Counts values; all of one value are in the middle of an interval of length 1.
    public init(_ values: [Float], count: Int = 100) {
        var (low, high) = (Double(values.min() ?? 0), Double(values.max() ?? 1))
        if low == high { (low, high) = (low - 0.5, high + 0.5) }
        let width = (high - low) / Double(count)
        let edges = (0...count).map { $0 == count ? high : low + Double($0) * width }
        var counts = Array(repeating: 0, count: count)
        for value in values where value.isFinite {
            var bin = min(max(Int((Double(value) - low) / width), 0), count - 1)
            // The quotient may be rounded over an edge.
            if Double(value) < edges[bin] { bin -= 1 }
            if bin < count - 1, Double(value) >= edges[bin + 1] { bin += 1 }
            counts[max(bin, 0)] += 1
        }
        (self.edges, self.counts) = (edges, counts)
    }
}

/// A mean and a deviation from it.
public struct Spread: Equatable, Sendable {
    /// The mean.
    public let mean: Double
    /// The standard deviation of a sample, with divisor n − 1; not a number for fewer than two values.
    public let sampleDeviation: Double
    /// The standard deviation with divisor n.
    public let deviation: Double

    /// Sums values up.
    public init(_ values: [Float]) {
        let count = Double(values.count)
        let mean = values.reduce(0) { $0 + Double($1) } / count
        let squares = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        self.mean = mean
        sampleDeviation = values.count < 2 ? .nan : (squares / (count - 1)).squareRoot()
        deviation = (squares / count).squareRoot()
    }
}
