package import Store

/// What one or more runs failed of; causes that differ only in their numbers are one.
package struct FailureCause: Equatable {
    /// The first run's reason.
    package let text: String
    /// The runs, in the given order.
    package var runs: [RunID]

    /// The causes of failed runs, the commonest first.
    package static func grouping(_ failed: [(run: RunID, error: String?)]) -> [FailureCause] {
        var places: [FailurePattern: Int] = [:]
        var causes: [FailureCause] = []
        for (run, error) in failed {
            let text = error ?? "no reason is known"
            let pattern = FailurePattern(text)
            if let place = places[pattern] {
                causes[place].runs.append(run)
            } else {
                places[pattern] = causes.count
                causes.append(FailureCause(text: text, runs: [run]))
            }
        }
        return causes.enumerated().sorted { a, b in
            (a.element.runs.count, b.offset) > (b.element.runs.count, a.offset)
        }.map(\.element)
    }
}
