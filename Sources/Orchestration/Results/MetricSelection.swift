import Experiments
package import Store

/// The metrics that a user names.
package struct MetricSelection {
    private let names: [String]

    package init(_ names: [String]) { self.names = names }

    /// Whether a metric is selected; all are if none is named.
    func takes(_ name: some StringProtocol) -> Bool { names.isEmpty || names.contains { $0 == name } }

    /// Whether all of them are known.
    func areAll(among known: Set<String>) -> Bool { names.allSatisfy(known.contains) }

    /// The names, or those of all metrics that runs have if none is given.
    ///
    /// - Throws: ``Failure`` for a name that no run has.
    package func checked(of runs: [Run]) throws(Failure) -> [String] {
        try checked(among: Set(runs.flatMap(\.metrics.names)))
    }

    /// The names, or all that there are if none is given.
    ///
    /// - Throws: ``Failure`` for a name that is none of them.
    func checked(among known: Set<String>) throws(Failure) -> [String] {
        names.isEmpty ? known.sorted() : try checked(against: known.sorted())
    }

    /// The names, in the order given and each once, if all of them are known.
    ///
    /// - Throws: ``Failure``, with the nearest existing name.
    func checked(against known: [String]) throws(Failure) -> [String] {
        if let stranger = names.first(where: { !known.contains($0) }) {
            let near = Spelling.nearest(to: stranger, among: known).map { "; did you mean '\($0)'?" } ?? ";"
            throw .badInput(
                "no run of the job has a metric '\(stranger)'"
                    + (known.isEmpty ? " yet" : "\(near) there are " + known.joined(separator: ", ")))
        }
        return names.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}
