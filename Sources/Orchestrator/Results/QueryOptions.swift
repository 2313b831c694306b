import ArgumentParser
import Orchestration

/// Which runs, in what order, and what of them.
struct QueryOptions: ParsableArguments {
    @Option(
        name: .customLong("where"),
        help: ArgumentHelp("Only runs that match: 'lr<0.01 and state=done'.", valueName: "condition"))
    var condition: String?

    @Option(help: ArgumentHelp("Sort by these columns: 'lr,-mmcs' (- for largest first).", valueName: "columns"))
    var sort: String?

    @Option(
        help: ArgumentHelp(
            "Mean, deviation, median and n over runs with equal values in these columns.", valueName: "columns"))
    var groupBy: String?

    @Option(help: ArgumentHelp("Only these columns: settings, metrics, state, node, seconds, …", valueName: "columns"))
    var columns: String?

    /// What they ask for.
    func query() throws(Failure) -> RunQuery {
        try RunQuery(where: condition, sort: sort, groupBy: groupBy, columns: columns)
    }
}
