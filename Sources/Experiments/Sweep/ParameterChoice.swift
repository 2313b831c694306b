import Search

/// What a spec may take for a parameter.
enum ParameterChoice: Sendable {
    /// One of the values; when drawn at random, each with its probability, or all with the same.
    case values([SourceNode], probabilities: [Double]?)
    /// A number drawn from a distribution. It may have been guessed from whole bounds, as Weights & Biases does.
    case drawn(Distribution, isGuessed: Bool)

    /// The values, if all of them can be listed and none is likelier than another.
    var list: [SourceNode]? {
        if case .values(let values, nil) = self { values } else { nil }
    }

    /// Whether there is more than one value.
    var isVaried: Bool {
        if case .values(let values, _) = self { values.count > 1 } else { true }
    }
}

/// The keys inside a parameter.
enum ParameterKey: String, CaseIterable {
    case value, values, probabilities, distribution, min, max, mu, sigma, q
}

/// Reads the keys inside one parameter.
struct ChoiceReader {
    let filePath: String
    let place: SourcePlace?
    private(set) var reader: SweepReader
    /// Whether the values of this parameter are mappings.
    private let takesMappings: Bool

    init(filePath: String, place: SourcePlace?, reader: SweepReader, takesMappings: Bool) {
        self.filePath = filePath
        self.place = place
        self.reader = reader
        self.takesMappings = takesMappings
    }

    /// What the keys say, or nil if something is wrong with them, which is then reported.
    mutating func choice(_ entries: [SourceNode.Entry]) -> ParameterChoice? {
        var isSound = true
        var keys: [ParameterKey: SourceNode.Entry] = [:]
        for entry in entries {
            if let key = ParameterKey(rawValue: entry.key) {
                keys[key] = entry
            } else {
                isSound = false
                // So short a word is near to anything.
                let known = entry.key.count < 3 ? [] : ParameterKey.allCases.map(\.rawValue)
                let nearest = Spelling.nearest(to: entry.key, among: known)
                let advice = nearest.map { "did you mean \($0)?" } ?? "a parameter takes 'values: [...]'"
                report(.sweepForm("'\(entry.key)' means nothing here; \(advice)"), at: entry.place)
            }
        }
        // Without any known key, the unknown one says enough.
        guard isSound || !keys.isEmpty, let (kind, isGuessed) = kind(keys), isSound else { return nil }
        guard areExpected(keys, for: kind) else { return nil }
        switch kind {
        case .constant: return keys[.value].map { .values([$0.value], probabilities: nil) }
        case .categorical: return categorical(keys)
        default: return distribution(kind, keys).map { .drawn($0, isGuessed: isGuessed) }
        }
    }

    private mutating func report(_ cause: ConfigProblem.Cause, _ key: String = "", at place: SourcePlace?) {
        reader.report(cause, path: key.isEmpty ? filePath : "\(filePath).\(key)", at: place)
    }

    /// The distribution that is named, or that the keys imply as in Weights & Biases' files.
    private mutating func kind(
        _ keys: [ParameterKey: SourceNode.Entry]
    ) -> (Distribution.Kind, isGuessed: Bool)? {
        guard let entry = keys[.distribution] else {
            if keys[.values] != nil { return (.categorical, false) }
            if keys[.value] != nil { return (.constant, false) }
            if keys[.min] != nil || keys[.max] != nil {
                let areWhole = [ParameterKey.min, .max].allSatisfy { key in
                    if case .int? = keys[key]?.value.value { true } else { false }
                }
                return areWhole ? (.intUniform, true) : (.uniform, false)
            }
            report(.sweepForm("needs 'distribution: normal', or 'values: [...]'"), at: place)
            return nil
        }
        guard case .string(let name) = entry.value.value, let kind = Distribution.Kind(rawValue: name) else {
            let known = Distribution.Kind.allCases.map(\.rawValue)
            let found: String = if case .string(let name) = entry.value.value { name } else { "\(entry.value.value)" }
            let nearest = Spelling.nearest(to: found, among: known)
            report(
                .unknownName(kind: "distribution", name: found, nearest: nearest, known: known), "distribution",
                at: entry.value.place)
            return nil
        }
        return (kind, false)
    }

    /// Whether exactly the keys are there that the distribution takes.
    private mutating func areExpected(
        _ keys: [ParameterKey: SourceNode.Entry], for kind: Distribution.Kind
    ) -> Bool {
        let count = reader.problems.count
        let allowed = kind.required + kind.optional
        for key in ParameterKey.allCases where key != .distribution && !allowed.contains(key) {
            guard let entry = keys[key] else { continue }
            let reason =
                keys[.distribution] == nil && keys[.values] != nil
                ? "has '\(key.rawValue)' beside 'values'; a parameter takes 'values: [...]' alone"
                : "has '\(key.rawValue)', but \(kind.rawValue) takes \(kind.keysInWords)"
            report(.sweepForm(reason), at: entry.place)
        }
        for key in kind.required where keys[key] == nil {
            report(.sweepForm("lacks '\(key.rawValue)'; \(kind.rawValue) takes \(kind.keysInWords)"), at: place)
        }
        return reader.problems.count == count
    }

    private mutating func categorical(_ keys: [ParameterKey: SourceNode.Entry]) -> ParameterChoice? {
        guard let entry = keys[.values], let values = list(entry) else { return nil }
        guard let weights = keys[.probabilities] else { return .values(values, probabilities: nil) }
        guard case .list(let items) = weights.value.content, items.count == values.count else {
            let reason = "found \(weights.value.value), expected a list of \(values.count) numbers, one for each value"
            report(.sweepForm(reason), "probabilities", at: weights.place)
            return nil
        }
        let probabilities = items.compactMap { $0.value.finiteNumber }.filter { $0 >= 0 && $0 <= 1 }
        guard probabilities.count == items.count else {
            report(
                .invalid(found: "\(weights.value.value)", allowed: "numbers from 0 to 1"), "probabilities",
                at: weights.place)
            return nil
        }
        let sum = probabilities.reduce(0, +)
        guard abs(sum - 1) <= 1e-6 else {
            let text = ConfigValue.number(sum.rounded(digits: 6))
            report(.sweepForm("add up to \(text), expected 1"), "probabilities", at: weights.place)
            return nil
        }
        return .values(values, probabilities: probabilities)
    }

    private mutating func list(_ values: SourceNode.Entry) -> [SourceNode]? {
        guard case .list(let items) = values.value.content else {
            let reason = "found \(values.value.value), expected a list such as [\(values.value.value)]"
            report(.sweepForm(reason), "values", at: values.place)
            return nil
        }
        if items.isEmpty {
            report(.sweepForm("is empty; a parameter needs at least one value"), "values", at: values.place)
            return nil
        }
        var isSound = true
        for (index, item) in items.enumerated() {
            guard case .map = item.content, !takesMappings else { continue }
            let reason =
                "found \(item.value), expected a value; name each key inside a parameter separately"
            report(.sweepForm(reason), "values[\(index)]", at: item.place)
            isSound = false
        }
        return isSound ? items : nil
    }

    private mutating func distribution(
        _ kind: Distribution.Kind, _ keys: [ParameterKey: SourceNode.Entry]
    ) -> Distribution? {
        var numbers: [ParameterKey: Double] = [:]
        let count = reader.problems.count
        for (key, entry) in keys.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where key != .distribution {
            let (allowed, rule) = kind.rule(for: key)
            guard let number = entry.value.value.finiteNumber, rule(number) else {
                report(.invalid(found: "\(entry.value.value)", allowed: allowed), key.rawValue, at: entry.value.place)
                continue
            }
            numbers[key] = number
        }
        guard reader.problems.count == count else { return nil }
        let distribution = Distribution(kind) { numbers[$0] }
        if distribution == nil, let min = keys[.min], let max = keys[.max] {
            report(.sweepForm("is \(min.value.value), above max, which is \(max.value.value)"), "min", at: min.place)
        }
        return distribution
    }
}

extension ConfigValue {
    /// The number, if it is a finite one.
    fileprivate var finiteNumber: Double? {
        switch self {
        case .int(let number): Double(number)
        case .number(let number) where number.isFinite: number
        default: nil
        }
    }
}
