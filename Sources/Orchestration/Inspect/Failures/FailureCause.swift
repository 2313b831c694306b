package import Store

/// Why one or more runs failed; causes that differ only in their numbers are one.
package struct FailureCause: Equatable {
    /// The first run's reason, and whether others have it with other numbers.
    package private(set) var text: String
    private let first: String
    /// The runs, in the given order.
    package var runs: [RunID]

    private mutating func take(_ reason: String) {
        if reason != first { text = "\(first) (here the first run's numbers)" }
    }

    /// The causes of failed runs, the commonest first.
    package static func grouping(_ failed: [(run: RunID, error: String?)]) -> [FailureCause] {
        var places: [FailurePattern: Int] = [:]
        var causes: [FailureCause] = []
        for (run, error) in failed {
            let text = error ?? "no reason is known"
            let pattern = FailurePattern(text)
            if let place = places[pattern] {
                causes[place].runs.append(run)
                causes[place].take(text)
            } else {
                places[pattern] = causes.count
                causes.append(FailureCause(text: text, first: text, runs: [run]))
            }
        }
        return causes.enumerated().sorted { a, b in
            (a.element.runs.count, b.offset) > (b.element.runs.count, a.offset)
        }.map(\.element)
    }
}
