import Foundation

/// The contents of a ``QueryTable``'s cell, or the value in a condition to compare it with.
public enum Value: Sendable, Hashable {
    /// A number; NaN is one.
    case number(Double)
    /// Text.
    case text(String)
    /// `true` or `false`.
    case bool(Bool)
    /// Nothing: a run that has not begun has no node.
    case missing

    /// The number, if it is one.
    public var number: Double? { if case .number(let number) = self { number } else { nil } }

    /// The value as a table has it: shortest digits that say the number, nothing for what is missing.
    public var plain: String {
        switch self {
        case .number(let number):
            Int64(exactly: number).map { abs($0) < 1 << 53 ? String($0) : "\(number)" } ?? "\(number)"
        case .text(let text): text
        case .bool(let bool): bool ? "true" : "false"
        case .missing: ""
        }
    }

    /// Whether two values are the same; NaN is the same as NaN.
    func isSame(as other: Value) -> Bool {
        if case .number(let a) = self, case .number(let b) = other { return a == b || a.isNaN && b.isNaN }
        return self == other
    }

    /// Whether this comes before another in an order of all values: numbers, then NaN, words, texts, what is missing.
    func precedes(_ other: Value) -> Bool {
        switch (self, other) {
        case (.number(let a), .number(let b)): a.isNaN ? false : b.isNaN || a < b
        case (.text(let a), .text(let b)): a < b
        case (.bool(let a), .bool(let b)): !a && b
        default: rank < other.rank
        }
    }

    /// Whether there is something to order by: NaN and what is missing come last in either direction.
    var isOrdered: Bool {
        switch self {
        case .number(let number): !number.isNaN
        case .missing: false
        case .text, .bool: true
        }
    }

    private var rank: Int {
        switch self {
        case .number: 0
        case .bool: 1
        case .text: 2
        case .missing: 3
        }
    }
}
