import Glibc

/// The values that an axis is labelled at.
enum Ticks {
    /// Multiples of 1, 2 or 5 times a power of ten within [low, high], at most `limit` of them if possible.
    static func round(_ low: Double, _ high: Double, limit: Int) -> [Double] {
        guard high > low, (high - low).isFinite, limit > 0 else { return [low] }
        let power = pow(10, floor(log10((high - low) / Double(limit))))
        let steps = [1, 2, 5, 10].map { $0 * power }
        let step = steps.first { multiples(of: $0, low, high).count <= limit } ?? 20 * power
        return multiples(of: step, low, high).map { Double($0) * step }
    }

    /// Which multiples of a step lie within [low, high], give or take a rounding error.
    private static func multiples(of step: Double, _ low: Double, _ high: Double) -> Range<Int> {
        let (first, last) = (Int(ceil(low / step - 1e-9)), Int(floor(high / step + 1e-9)))
        return first..<max(last + 1, first)
    }

    /// Whole numbers from 0, below `count`, at most `limit` of them.
    static func indices(_ count: Int, limit: Int) -> [Int] {
        guard count > 1 else { return [0] }
        var step = 1
        while (count - 1) / step + 1 > max(limit, 1) {
            // 1, 2, 5, 10, 20, 50 …
            var leading = step
            while leading >= 10 { leading /= 10 }
            step = leading == 2 ? step / 2 * 5 : step * 2
        }
        return Array(stride(from: 0, to: count, by: step))
    }

    /// A tick's value in as few digits as its axis needs.
    static func label(_ value: Double, step: Double) -> String {
        if value == 0 || abs(value) < step * 1e-6 { return "0" }
        let largest = max(abs(value), step)
        if largest >= 1e5 || step < 1e-4 { return shortened(value) }
        let decimals = max(0, Int(ceil(-log10(step) - 1e-9)))
        return fixed(value, decimals: decimals)
    }

    /// A value on a logarithmic axis: 0.001, 0.01 … 100, 1000, 1e4 ….
    static func label(powerOfTen exponent: Int) -> String {
        switch exponent {
        case 0..<4: "1" + String(repeating: "0", count: exponent)
        case -3..<0: "0." + String(repeating: "0", count: -exponent - 1) + "1"
        default: "1e\(exponent)"
        }
    }

    private static func fixed(_ value: Double, decimals: Int) -> String {
        let scaled = Int((abs(value) * pow(10, Double(decimals))).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        var digits = String(scaled)
        guard decimals > 0 else { return sign + digits }
        if digits.count <= decimals { digits = String(repeating: "0", count: decimals + 1 - digits.count) + digits }
        return sign + digits.dropLast(decimals) + "." + digits.suffix(decimals)
    }

    /// As 2e-05 or 1.5e+06, whatever the locale.
    private static func shortened(_ value: Double) -> String {
        let exponent = Int(floor(log10(abs(value)) + 1e-9))
        let leading = value / pow(10, Double(exponent))
        let tenths = (leading * 10).rounded() / 10
        return (tenths == tenths.rounded() ? String(Int(tenths)) : "\(tenths)") + "e\(exponent)"
    }
}
