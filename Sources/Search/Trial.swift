/// One dimension of a search.
package enum SearchDimension: Sendable, Equatable {
    /// Any number from 0 to 1: a share of the values that a distribution draws.
    case number
    /// This many values whose order means something; a point holds the middle of a value's share of 0…1.
    case ordered(Int)
    /// This many values without an order; a point holds the middle of a value's share of 0…1.
    case choice(Int)

    /// Whether there is nothing to choose: what a submission sets for every run is searched with its single value.
    var isFixed: Bool {
        switch self {
        case .number: false
        case .ordered(let count), .choice(let count): count == 1
        }
    }

    /// A point's nearest coordinate that means a value.
    func snapped(_ x: Double) -> Double {
        switch self {
        case .number: return min(max(x, 0x1p-53), 1 - 0x1p-53)
        case .ordered(let count), .choice(let count):
            let index = min(max((x * Double(count)).rounded(.down), 0), Double(count - 1))
            return (index + 0.5) / Double(count)
        }
    }
}

/// A point of a search, and its result; low values are better.
package struct Trial: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        /// The best value that it has reached.
        case value(Double)
        /// It has ended without a value.
        case failed
        /// It is working, or waits to continue.
        case open
    }

    /// One coordinate for each dimension, from 0 to 1.
    package let point: [Double]
    package let outcome: Outcome

    package init(_ point: [Double], _ outcome: Outcome) {
        (self.point, self.outcome) = (point, outcome)
    }
}
