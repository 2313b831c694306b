/// Which values a key takes, and how they are written back.
struct Rule<T: Sendable>: Sendable {
    /// The allowed values in words, as in "expected a positive integer".
    let allowed: String
    /// The words that it takes, where it takes only certain ones.
    var words: [String] = []
    let read: @Sendable (ConfigValue) -> T?
    let write: @Sendable (T) -> ConfigValue

    /// What is wrong with a value that it does not take.
    func refusal(of value: ConfigValue) -> ConfigProblem.Cause {
        let nearest: String? =
            if case .string(let word) = value { Spelling.nearest(to: word, among: words) } else { nil }
        let isTemplate = if case .string(let text) = value { text.contains("${") } else { false }
        let advice = nearest.map { "; did you mean \($0)?" } ?? (isTemplate ? "; '${...}' is not filled in here" : "")
        return .invalid(found: value.description, allowed: allowed + advice)
    }
}

extension Rule where T == Int {
    static func int(_ allowed: String, in range: ClosedRange<Int>) -> Rule {
        Rule(allowed: allowed) {
            if case .int(let number) = $0, range.contains(number) { number } else { nil }
        } write: {
            .int($0)
        }
    }

    // Beyond 2^31 no size is meant, and products of sizes would overflow.
    static let positiveInt = int("a positive integer (below 2^31)", in: 1...0x7FFF_FFFF)
    static let count = int("an integer >= 0 (below 2^31)", in: 0...0x7FFF_FFFF)
    // What numpy takes, which the published tool seeds with the same number.
    static let seed = int("an integer from 0 to 4294967295", in: 0...0xFFFF_FFFF)
}

extension Rule where T == Double {
    static func number(_ allowed: String, where isAllowed: @escaping @Sendable (Double) -> Bool) -> Rule {
        Rule(allowed: allowed) {
            switch $0 {
            case .number(let number) where number.isFinite && isAllowed(number): number
            case .int(let number) where isAllowed(Double(number)): Double(number)
            default: nil
            }
        } write: {
            // A zero has one canonical text, whatever its sign.
            .number($0 == 0 ? 0 : $0)
        }
    }

    static let positive = number("a number > 0") { $0 > 0 }
    static let nonNegative = number("a number >= 0") { $0 >= 0 }
    static let probability = number("a number from 0 to 1") { (0...1).contains($0) }
}

extension Rule where T == Bool {
    static let bool = Rule(allowed: "true or false") {
        if case .bool(let flag) = $0 { flag } else { nil }
    } write: {
        .bool($0)
    }
}

extension Rule where T == String {
    static let text = Rule(allowed: "text (in quotes if it looks like something else)") {
        if case .string(let text) = $0, isMeant(text) { text } else { nil }
    } write: {
        .string($0)
    }

    /// Whether a text is one that somebody means: not a template of another tool's, not in a word processor's quotes.
    private static func isMeant(_ text: String) -> Bool { !text.contains("${") && !Lookalike.surrounds(text) }

    static let name = Rule(allowed: "a name (text that is not empty)") {
        if case .string(let text) = $0, !text.isEmpty, isMeant(text) { text } else { nil }
    } write: {
        .string($0)
    }
}

extension Rule where T: RawRepresentable<String> & CaseIterable {
    /// One of the words of an enum.
    static func word(from words: [T] = Array(T.allCases)) -> Rule {
        let texts = words.map(\.rawValue)
        return Rule(allowed: texts.count == 1 ? texts[0] : "one of " + texts.joined(separator: ", "), words: texts) {
            guard case .string(let text) = $0, texts.contains(text) else { return nil }
            return T(rawValue: text)
        } write: {
            .string($0.rawValue)
        }
    }
}

extension Rule {
    /// The same rule, with null besides.
    var orNull: Rule<T?> {
        Rule<T?>(allowed: allowed + ", or null", words: words) {
            $0 == .null ? .some(nil) : read($0).map(Optional.some)
        } write: {
            $0.map(write) ?? .null
        }
    }

    /// A list of such values, which may be empty.
    static func list<Item>(_ allowed: String, of item: Rule<Item>) -> Rule where T == [Item] {
        let some = nonEmptyList(allowed, of: item)
        return Rule(allowed: allowed, read: { $0 == .list([]) ? [] : some.read($0) }, write: some.write)
    }

    /// A list of at least one such value.
    static func nonEmptyList<Item>(_ allowed: String, of item: Rule<Item>) -> Rule where T == [Item] {
        Rule(allowed: allowed) {
            guard case .list(let items) = $0, !items.isEmpty else { return nil }
            let values = items.compactMap(item.read)
            return values.count == items.count ? values : nil
        } write: {
            .list($0.map(item.write))
        }
    }
}

extension Rule where T == [[Int]] {
    /// Disjoint groups of feature indices.
    static let indexGroups: Rule = {
        let group = Rule<[Int]>.nonEmptyList("a list of integers", of: .count)
        let groups = nonEmptyList("disjoint lists of feature indices such as [[0, 1], [2, 3]]", of: group)
        return Rule(allowed: groups.allowed) {
            guard let lists = groups.read($0) else { return nil }
            let indices = lists.joined()
            return Set(indices).count == indices.count ? lists : nil
        } write: {
            groups.write($0)
        }
    }()
}
