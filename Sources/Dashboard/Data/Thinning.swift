import Foundation

/// A curve as this many columns of pixels can show it: nothing that stands out is lost.
struct Thinning {
    /// The steps of rows, or of each column its first.
    private(set) var steps: [Int32] = []
    /// The mean of each column's values.
    private(set) var means: [Double] = []
    /// The least and the largest of each column's values; empty if every row is shown.
    private(set) var lows: [Double] = []
    private(set) var highs: [Double] = []

    /// Thins a curve out.
    ///
    /// - Parameters:
    ///   - curve: The curve.
    ///   - columns: How many columns there are.
    ///   - isLogarithmic: Whether the axis of steps runs in powers of ten.
    init(_ curve: Curve, columns: Int, isLogarithmic: Bool) {
        guard curve.steps.count > 2 * columns, let first = curve.steps.first, let last = curve.steps.last, first < last
        else {
            (steps, means) = (curve.steps, curve.values)
            return
        }
        func place(_ step: Int32) -> Double { isLogarithmic ? log10(Double(max(step, 1))) : Double(step) }
        let (start, width) = (place(first), place(last) - place(first))
        var (sum, count, low, high, column) = (0.0, 0, Double.infinity, -Double.infinity, -1)
        func close(_ thinned: inout Thinning) {
            guard column >= 0 else { return }
            thinned.means.append(count > 0 ? sum / Double(count) : .nan)
            thinned.lows.append(count > 0 ? low : .nan)
            thinned.highs.append(count > 0 ? high : .nan)
        }
        for (step, value) in zip(curve.steps, curve.values) {
            let next = min(Int((place(step) - start) / width * Double(columns)), columns - 1)
            if next != column {
                close(&self)
                (sum, count, low, high, column) = (0, 0, .infinity, -.infinity, next)
                steps.append(step)
            }
            guard value.isFinite else { continue }
            sum += value
            count += 1
            low = min(low, value)
            high = max(high, value)
        }
        close(&self)
    }
}
