import Foundation

/// Numbers as a line of blocks, `▇▅▃▂▁`: the course of a curve where there is only text.
struct Sparkline {
    /// How many blocks there are at most.
    static let width = 40
    private static let blocks = Array("▁▂▃▄▅▆▇█")

    private let isLogarithmic: Bool
    private let low: Double
    private let high: Double

    /// A scale on which all of the given curves have room.
    ///
    /// - Parameters:
    ///   - curves: The numbers of each.
    ///   - isLogarithmic: Whether equal heights are equal factors, as far as all numbers are above zero.
    init(for curves: [[Double]], isLogarithmic: Bool) {
        let numbers = curves.joined().filter(\.isFinite)
        self.isLogarithmic = isLogarithmic && numbers.allSatisfy { $0 > 0 }
        let heights = numbers.map { [isLog = self.isLogarithmic] in isLog ? log($0) : $0 }
        low = heights.min() ?? 0
        high = heights.max() ?? 0
    }

    /// The curve at each of this many equal parts of its steps; a gap where no number is finite.
    ///
    /// - Parameters:
    ///   - points: Step and value, in order.
    ///   - steps: The whole range of steps.
    /// - Returns: The blocks.
    func text(_ points: [(step: Int, value: Double)], steps: Int) -> String {
        guard !points.isEmpty else { return "" }
        let columns = min(Self.width, points.count)
        var sums = [(sum: Double, n: Int)](repeating: (0, 0), count: columns)
        for (step, value) in points where value.isFinite {
            let place = min(columns - 1, max(0, step) * columns / max(1, steps + 1))
            sums[place].sum += isLogarithmic ? log(value) : value
            sums[place].n += 1
        }
        var last = sums.count
        while last > 0, sums[last - 1].n == 0 { last -= 1 }
        return String(sums.prefix(last).map { $0.n == 0 ? " " : block($0.sum / Double($0.n)) })
    }

    private func block(_ height: Double) -> Character {
        guard high > low else { return Self.blocks[3] }
        let place = (height - low) / (high - low) * Double(Self.blocks.count - 1)
        return Self.blocks[max(0, min(Self.blocks.count - 1, Int(place.rounded())))]
    }
}
