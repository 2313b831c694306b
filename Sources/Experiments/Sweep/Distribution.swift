import Search

/// What numbers a parameter draws: the distributions of Weights & Biases' sweep files.
///
/// A distribution is its quantile function: one uniform number gives one value. Nothing here calls the system's
/// mathematical functions, which differ in the last bit between machines: the same uniform number gives the same value
/// everywhere. Values have six significant digits, so they can be read and told apart.
struct Distribution: Sendable, Equatable {
    enum Kind: String, CaseIterable, Sendable {
        case constant
        case categorical
        case uniform
        case intUniform = "int_uniform"
        case quantizedUniform = "q_uniform"
        case logUniform = "log_uniform"
        case logUniformValues = "log_uniform_values"
        case quantizedLogUniform = "q_log_uniform"
        case quantizedLogUniformValues = "q_log_uniform_values"
        case inverseLogUniform = "inv_log_uniform"
        case inverseLogUniformValues = "inv_log_uniform_values"
        case normal
        case quantizedNormal = "q_normal"
        case logNormal = "log_normal"
        case quantizedLogNormal = "q_log_normal"
    }

    private enum Shape: Equatable {
        /// From the first to the second number.
        case uniform(Double, Double)
        /// Whole numbers from the first to the second, both included.
        case whole(Int, Int)
        /// The natural logarithm lies from the first to the second number; the values between the bounds.
        case logUniform(Double, Double, bounds: ClosedRange<Double>)
        case normal(mean: Double, deviation: Double)
        case logNormal(mean: Double, deviation: Double)
    }

    let kind: Kind
    private let shape: Shape
    /// Values are multiples of it.
    private let quantum: Double?

    /// The distribution with the given keys' numbers, or nil if its bounds are the wrong way round.
    init?(_ kind: Kind, _ number: (ParameterKey) -> Double?) {
        let (min, max) = (number(.min) ?? 0, number(.max) ?? 1)
        let (mean, deviation) = (number(.mu) ?? 0, number(.sigma) ?? 1)
        guard min <= max else { return nil }
        self.kind = kind
        quantum = kind.required.contains(.q) || kind.optional.contains(.q) ? number(.q) ?? 1 : nil
        switch kind {
        case .constant, .categorical: return nil
        case .uniform, .quantizedUniform: shape = .uniform(min, max)
        case .intUniform: shape = .whole(Int(min), Int(max))
        case .logUniform, .quantizedLogUniform:
            shape = .logUniform(min, max, bounds: Elementary.exp(min)...Elementary.exp(max))
        case .inverseLogUniform:
            shape = .logUniform(-max, -min, bounds: Elementary.exp(-max)...Elementary.exp(-min))
        case .logUniformValues, .quantizedLogUniformValues, .inverseLogUniformValues:
            // Whether x or 1/x has the uniform logarithm is the same between the same bounds.
            shape = .logUniform(Elementary.log(min), Elementary.log(max), bounds: min...max)
        case .normal, .quantizedNormal: shape = .normal(mean: mean, deviation: deviation)
        case .logNormal, .quantizedLogNormal: shape = .logNormal(mean: mean, deviation: deviation)
        }
    }

    /// The smallest and the largest value; nil if there is no bound.
    var bounds: (lowest: ConfigValue?, highest: ConfigValue?) {
        switch shape {
        case .uniform(let low, let high): (finished(low, in: nil), finished(high, in: nil))
        case .whole(let low, let high): (.int(low), .int(high))
        case .logUniform(_, _, let bounds):
            (finished(bounds.lowerBound, in: nil), finished(bounds.upperBound, in: nil))
        case .normal, .logNormal: (nil, nil)
        }
    }

    /// How many whole numbers there are, if they are few.
    var levels: Int? {
        if case .whole(let low, let high) = shape, high - low < 1000 { high - low + 1 } else { nil }
    }

    /// Why the bounds are probably not meant as they are; nil if nothing is odd.
    ///
    /// Both bounds of a rate's search are between 0 and 1; as logarithms they would draw numbers next to 1.
    var doubt: String? { misreading ?? coarseness }

    /// Every value rounds to the same multiple of the quantum.
    private var coarseness: String? {
        guard let quantum, let low = bounds.lowest, let high = bounds.highest, low == high else { return nil }
        let step = quantum == quantum.rounded() && quantum < 0x1p53 ? ConfigValue.int(Int(quantum)) : .number(quantum)
        return "draws only \(low), because it rounds to multiples of q, which is \(step); "
            + "write a smaller q, or \(kind.rawValue.dropFirst(2)), which does not round"
    }

    /// Bounds of a logarithm that look like values.
    private var misreading: String? {
        guard [.logUniform, .quantizedLogUniform, .inverseLogUniform].contains(kind),
            case .logUniform(let low, let high, let bounds) = shape,
            max(abs(low), abs(high)) <= 1, low != high,
            kind == .inverseLogUniform ? max(low, high) <= 0 : min(low, high) >= 0
        else { return nil }
        let (from, to) = (bounds.lowerBound.rounded(digits: 6), bounds.upperBound.rounded(digits: 6))
        return "draws from \(ConfigValue.number(from)) to \(ConfigValue.number(to)), "
            + "because min and max are logarithms; did you mean \(kind.rawValue)_values?"
    }

    /// What was probably meant if a bound is refused: logarithms above zero are mostly meant as values.
    var adviceOnRefusal: String {
        guard case .logUniform(let low, let high, _) = shape else { return "" }
        switch kind {
        case .logUniform where low > 0, .quantizedLogUniform where low > 0, .inverseLogUniform where high < 0:
            return "; min and max are logarithms, did you mean \(kind.rawValue)_values?"
        default: return ""
        }
    }

    /// The value that a share of `uniform` of all draws does not exceed.
    ///
    /// - Parameter uniform: A number between 0 and 1, both excluded.
    /// - Returns: A whole number or a number.
    func value(at uniform: Double) -> ConfigValue {
        switch shape {
        case .uniform(let low, let high):
            // Not low + uniform * (high - low), whose difference may overflow.
            return finished(low * (1 - uniform) + high * uniform, in: low...high)
        case .whole(let low, let high):
            let count = Double(high - low) + 1
            return .int(low + min(Int(uniform * count), high - low))
        case .logUniform(let low, let high, let bounds):
            return finished(Elementary.exp(low * (1 - uniform) + high * uniform), in: bounds)
        case .normal(let mean, let deviation):
            return finished(mean + deviation * Elementary.normalQuantile(uniform), in: nil)
        case .logNormal(let mean, let deviation):
            return finished(Elementary.exp(mean + deviation * Elementary.normalQuantile(uniform)), in: nil)
        }
    }

    /// The value as a spec takes it: a multiple of the quantum, else one of six digits within the bounds.
    private func finished(_ number: Double, in bounds: ClosedRange<Double>?) -> ConfigValue {
        guard let quantum else {
            let rounded = number.rounded(digits: 6)
            return .number(bounds.map { min(max(rounded, $0.lowerBound), $0.upperBound) } ?? rounded)
        }
        // Ties go to the even multiple, as numpy's do.
        let multiple = (number / quantum).rounded(.toNearestOrEven) * quantum
        let isWhole = quantum == quantum.rounded() && abs(multiple) < 0x1p53
        return isWhole ? .int(Int(multiple)) : .number(multiple.rounded(digits: 12))
    }
}

extension Distribution.Kind {
    var required: [ParameterKey] {
        switch self {
        case .constant: [.value]
        case .categorical: [.values]
        case .normal, .quantizedNormal, .logNormal, .quantizedLogNormal: []
        default: [.min, .max]
        }
    }

    var optional: [ParameterKey] {
        switch self {
        case .categorical: [.probabilities]
        case .normal, .logNormal: [.mu, .sigma]
        case .quantizedNormal, .quantizedLogNormal: [.mu, .sigma, .q]
        case .quantizedUniform, .quantizedLogUniform, .quantizedLogUniformValues: [.q]
        default: []
        }
    }

    /// `min and max, and may have q`.
    var keysInWords: String {
        let required = required.map { "'\($0.rawValue)'" }.joined(separator: " and ")
        let optional = optional.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        if required.isEmpty { return optional }
        return optional.isEmpty ? required : "\(required), and may have \(optional)"
    }

    /// Which numbers a key takes, in words and as a test.
    func rule(for key: ParameterKey) -> (allowed: String, (Double) -> Bool) {
        switch (key, self) {
        case (.min, .intUniform), (.max, .intUniform):
            return ("a whole number", { $0 == $0.rounded() && abs($0) < 0x1p52 })
        case (.min, .logUniformValues), (.min, .quantizedLogUniformValues), (.min, .inverseLogUniformValues),
            (.max, .logUniformValues), (.max, .quantizedLogUniformValues), (.max, .inverseLogUniformValues):
            return ("a number > 0", { $0 > 0 })
        case (.min, .logUniform), (.min, .quantizedLogUniform), (.min, .inverseLogUniform),
            (.max, .logUniform), (.max, .quantizedLogUniform), (.max, .inverseLogUniform):
            return (
                "an exponent of e from -700 to 700 (log_uniform_values takes the values themselves)",
                {
                    abs($0) <= 700
                }
            )
        case (.sigma, _), (.q, _): return ("a number > 0", { $0 > 0 })
        default: return ("a finite number", { _ in true })
        }
    }
}
