/// A formula over a step's tensors, as it was written.
indirect enum Expression: Sendable, Equatable {
    case number(Double)
    /// A tensor that there is one of, or `step`.
    case quantity(Quantity, offset: Int)
    /// A module's tensor.
    case ofModule(ModuleQuantity, ModuleReference, offset: Int)
    case negative(Expression)
    case not(Expression)
    case binary(Operator, Expression, Expression, offset: Int)
    case transposed(Expression, offset: Int)
    case indexed(Expression, [Subscript], offset: Int)
    case call(Function, Expression, Options, offset: Int)

    /// How two values are combined, element by element but for `@`.
    enum Operator: String, Sendable, CaseIterable {
        case plus = "+"
        case minus = "-"
        case times = "*"
        case over = "/"
        case power = "**"
        case product = "@"
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case equal = "=="
        case unequal = "!="
        case and
        case or
    }

    /// What can be called.
    enum Function: String, Sendable, CaseIterable {
        case mean, sum, max, min, std, any, all, norm, argmax, sort, quantile, histogram, abs, exp, log, sqrt

        /// Whether it works on each element on its own.
        var isElementwise: Bool { [.abs, .exp, .log, .sqrt].contains(self) }

        /// The names of what it takes after its argument, in the order in which they may stand without a name.
        var options: [String] {
            switch self {
            case .abs, .exp, .log, .sqrt: []
            case .sort: ["dim"]
            case .histogram: ["bins", "range"]
            case .quantile: ["q", "dim", "keepdim"]
            default: ["dim", "keepdim"]
            }
        }
    }

    /// What a function takes besides its argument.
    struct Options: Sendable, Equatable {
        /// The dimensions to reduce or sort; nil for all of them.
        var dimensions: [Int]?
        /// Whether reduced dimensions stay, with the extent 1.
        var keepsDimensions = false
        /// The quantile, from 0 to 1.
        var quantile = 0.5
        /// The bars of a histogram.
        var bins = 20
        /// From where to where they reach; nil for the values' own extent.
        var range: ClosedRange<Double>?
    }

    /// One place of an index.
    enum Subscript: Sendable, Equatable {
        case at(Int)
        case slice(from: Int?, to: Int?, by: Int)
        case newDimension
        case rest
    }
}

/// Values of which a step has one.
public enum Quantity: String, Sendable, CaseIterable, Hashable {
    /// The step's inputs.
    case batch
    /// The target's output on them.
    case targetOut = "target_out"
    /// The output with all subcomponents fully on.
    case outUnmasked = "out_unmasked"
    /// The output with causal importances as masks.
    case outMasked = "out_masked"
    /// The step's number.
    case step
}

/// What every decomposed module has.
public enum ModuleQuantity: String, Sendable, CaseIterable, Hashable {
    /// Causal importances as masks see them (rows, C).
    case ci
    /// Causal importances as importance losses see them (rows, C).
    case ciUpper = "ci_upper"
    /// V (d_in, C).
    case V
    /// U (C, d_out).
    case U
    /// The target's weight as its state dict has it: (d_out, d_in).
    case W
}

/// Which module a tensor is of.
enum ModuleReference: Sendable, Equatable {
    case named(String)
    /// The one that `for` has come to.
    case current
}
