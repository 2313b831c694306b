/// How many of some values fall into each of equal intervals.
public struct Bins: Equatable, Sendable {
    /// Where the first interval begins.
    public let low: Double
    /// Where the last interval ends; it belongs to it.
    public let high: Double
    /// How many values each interval holds.
    public let counts: [Int]

    /// Counts the values within [low, high]; an interval holds its lower end.
    ///
    /// Values outside, and those that are not numbers, are left out.
    public init(_ values: [Float], count: Int = 100, from low: Double, to high: Double) {
        let high = high > low ? high : low + 1
        var counts = Array(repeating: 0, count: count)
        let scale = Double(count) / (high - low)
        for value in values {
            let value = Double(value)
            guard value >= low, value <= high else { continue }
            counts[min(Int((value - low) * scale), count - 1)] += 1
        }
        (self.low, self.high, self.counts) = (low, high, counts)
    }
}
