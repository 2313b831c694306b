import Glibc

/// One of a chart's two axes.
public struct Axis: Codable, Equatable, Sendable {
    /// What it measures, with its unit if it has one.
    public var label: String
    /// What it shows; nil: all that there is.
    public var range: ClosedRange<Double>?
    /// Whether equal distances are equal factors; what is not above zero is left out then.
    public var isLogarithmic: Bool
    /// Values with names of their own, in place of round numbers; none if empty.
    public var names: [Double: String]

    /// Creates an axis.
    public init(
        _ label: String, range: ClosedRange<Double>? = nil, isLogarithmic: Bool = false, names: [Double: String] = [:]
    ) {
        self.label = label
        self.range = range
        self.isLogarithmic = isLogarithmic
        self.names = names
    }

    /// An axis of things that are counted from 0, labelled at whole numbers.
    public static func indices(_ label: String, count: Int) -> Axis {
        Axis(
            label, range: -0.6...max(Double(count), 1) - 0.4,
            names: Dictionary(
                uniqueKeysWithValues: Ticks.indices(count, limit: 12).map { (Double($0), String($0)) }))
    }

    /// The axis with its range, which holds some values and has some width.
    func spanning(_ values: some Sequence<Double>) -> AxisSpan {
        var (low, high) = (Double.infinity, -Double.infinity)
        for value in values where value.isFinite && (!isLogarithmic || value > 0) {
            low = min(low, value)
            high = max(high, value)
        }
        if low > high { (low, high) = isLogarithmic ? (0.1, 1) : (0, 1) }
        if let range { (low, high) = (range.lowerBound, range.upperBound) }
        if isLogarithmic {
            low = max(low, 1e-30)
            if high <= low { high = low * 10 }
            if range == nil {
                let margin = pow(high / low, 0.04)
                (low, high) = (low / margin, high * margin)
            }
        } else if high <= low {
            // What never changes stands in the middle, on a scale of its own size.
            let half = low == 0 ? 0.5 : abs(low) / 2
            (low, high) = (low - half, high + half)
        } else if range == nil {
            let margin = (high - low) * 0.04
            (low, high) = (low - margin, high + margin)
        }
        return AxisSpan(axis: self, low: low, high: high)
    }
}

/// An axis whose range is known.
struct AxisSpan {
    let axis: Axis
    let low: Double
    let high: Double

    /// Where a value stands, from 0 to 1; outside of it where the range does not hold it.
    func share(_ value: Double) -> Double {
        axis.isLogarithmic ? log(max(value, 1e-300) / low) / log(high / low) : (value - low) / (high - low)
    }

    /// Whether a value can be shown.
    func holds(_ value: Double) -> Bool {
        guard value.isFinite, !axis.isLogarithmic || value > 0 else { return false }
        let share = share(value)
        return share >= -1e-9 && share <= 1 + 1e-9
    }

    /// What is labelled, how often at most, and how.
    func ticks(limit: Int) -> [(value: Double, label: String)] {
        if !axis.names.isEmpty {
            let names = axis.names.sorted { $0.key < $1.key }.filter { holds($0.key) }
            let every = max(1, (names.count + limit - 1) / limit)
            return names.enumerated().filter { $0.offset % every == 0 }.map { ($0.element.key, $0.element.value) }
        }
        if axis.isLogarithmic {
            let exponents =
                Int(
                    log10(low).rounded(.up) - 1e-9)...max(
                    Int((log10(high) + 1e-9).rounded(.down)), Int(log10(low).rounded(.up) - 1e-9))
            let every = max(1, (exponents.count + limit - 1) / limit)
            // A range of its own may hold a single power of ten, or none.
            let powers = exponents.filter { holds(pow(10, Double($0))) }
            if axis.range == nil, powers.count < 3 {
                let places = (exponents.lowerBound - 1...exponents.upperBound).flatMap { exponent in
                    [1.0, 2, 5].map { $0 * pow(10, Double(exponent)) }
                }.filter(holds)
                // Between 2 and 5 there may be one of them, or none: an axis without two numbers says nothing.
                if places.count > 1 { return places.map { ($0, Ticks.label($0, step: $0)) } }
                return rounds(limit: limit)
            }
            return exponents.filter { $0 % every == 0 }.map { (pow(10, Double($0)), Ticks.label(powerOfTen: $0)) }
                .filter { holds($0.0) }
        }
        return rounds(limit: limit)
    }

    private func rounds(limit: Int) -> [(value: Double, label: String)] {
        let values = Ticks.round(low, high, limit: limit)
        let step = values.count > 1 ? values[1] - values[0] : high - low
        return values.map { ($0, Ticks.label($0, step: step)) }
    }
}
