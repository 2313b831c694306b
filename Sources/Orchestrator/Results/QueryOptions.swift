import ArgumentParser
import Orchestration

/// Which runs, in what order, and what of them.
struct QueryOptions: ParsableArguments {
    @Option(
        name: .customLong("where"),
        help: ArgumentHelp("Only runs for which this holds: 'lr<0.01 and state=done'.", valueName: "condition"))
    var condition: String?

    @Option(help: ArgumentHelp("The order, by columns: 'lr,-mmcs' (- for large ones first).", valueName: "columns"))
    var sort: String?

    @Option(
        help: ArgumentHelp(
            "Mean, deviation, median and n over runs that agree in these columns.", valueName: "columns"))
    var groupBy: String?

    @Option(help: ArgumentHelp("Only these columns: settings, metrics, state, node, seconds, …", valueName: "columns"))
    var columns: String?

    /// What they ask for.
    func query() throws(Failure) -> RunQuery {
        try RunQuery(where: condition, sort: sort, groupBy: groupBy, columns: columns)
    }
}
