/// Functions whose results are the same bits on every machine: only IEEE additions, products and divisions.
///
/// A C library's `exp` and `log` may differ in the last bit between versions and processors, and the configs that a
/// sweep draws would differ with them.
package enum Elementary {
    // ln 2 in two parts, so whole multiples of the first are exact.
    private static let ln2High = 0x1.62e42feep-1
    private static let ln2Low = 0x1.a39ef35793c76p-33

    /// eˣ, for |x| up to about 700.
    package static func exp(_ x: Double) -> Double {
        guard abs(x) < 1000 else { return x > 0 ? .infinity : 0 }
        let power = (x / (ln2High + ln2Low)).rounded()
        let rest = x - power * ln2High - power * ln2Low
        // Taylor's series; |rest| is at most ln 2 / 2.
        var sum = 1.0
        for n in stride(from: 15, through: 1, by: -1) { sum = 1 + sum * rest / Double(n) }
        return Double(sign: .plus, exponent: Int(power), significand: sum)
    }

    /// The natural logarithm of a number > 0.
    package static func log(_ x: Double) -> Double {
        var (power, significand) = (Double(x.exponent), x.significand)
        if significand > 1.4142135623730951 {
            (power, significand) = (power + 1, significand / 2)
        }
        // ln m = 2 artanh((m - 1) / (m + 1)).
        let s = (significand - 1) / (significand + 1)
        var sum = 0.0
        for n in stride(from: 27, through: 1, by: -2) { sum = sum * (s * s) + 1 / Double(n) }
        return power * ln2High + (power * ln2Low + 2 * s * sum)
    }

    /// The probability that a standard normal variable does not exceed a number.
    package static func normalShare(below x: Double) -> Double {
        guard abs(x) < 8 else { return x < 0 ? 0 : 1 }
        let above = density(x) * series(abs(x))
        return x < 0 ? max(0, 0.5 - above) : min(1, 0.5 + above)
    }

    /// The density of a standard normal variable.
    package static func density(_ x: Double) -> Double { exp(-x * x / 2) / 2.5066282746310002 }

    /// The sum x + x³/3 + x⁵/(3·5) + …, for x ≥ 0: times the density, it is the probability between 0 and x.
    ///
    /// From: G. Marsaglia, Evaluating the Normal Distribution, 2004.
    private static func series(_ x: Double) -> Double {
        var (term, sum, n) = (x, x, 1.0)
        while term > sum * 1e-17 {
            n += 2
            term *= x * x / n
            sum += term
        }
        return sum
    }

    /// The number that a standard normal variable does not exceed with the given probability, from 0 to 1, both
    /// excluded.
    package static func normalQuantile(_ probability: Double) -> Double {
        guard probability <= 0.5 else { return -normalQuantile(1 - probability) }
        // The distribution function is concave above 0: Newton's method from there climbs to the root.
        var x = 0.0
        for _ in 0..<100 {
            let density = density(x)
            let next = x + (0.5 - probability - density * series(x)) / density
            guard next > x else { break }
            x = next
        }
        return -x
    }
}

extension Double {
    /// The nearest number of this many significant decimal digits.
    package func rounded(digits: Int) -> Double {
        guard isFinite, self != 0 else { return self }
        // Powers of ten up to the 22nd are exact, and so are the digits: one division rounds once.
        var (position, magnitude) = (0, abs(self))
        while magnitude >= 10, position < 300 { (position, magnitude) = (position + 1, magnitude / 10) }
        while magnitude < 1, position > -300 { (position, magnitude) = (position - 1, magnitude * 10) }
        let shift = digits - 1 - position
        guard abs(shift) <= 22 else { return self }
        var scale = 1.0
        for _ in 0..<abs(shift) { scale *= 10 }
        return shift >= 0 ? (self * scale).rounded() / scale : (self / scale).rounded() * scale
    }
}
