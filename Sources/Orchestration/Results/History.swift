import Metrics
package import Store

/// Everything that a job's runs have logged, as a tidy table: one row per run, step and metric.
package struct History {
    private let runs: [Run]
    private let metrics: MetricSelection

    /// Names a job's runs.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - store: Where it is.
    ///   - metrics: The metrics to include; all where none is named.
    ///   - query: Which runs, in which order.
    /// - Throws: What keeps the state file from being read; ``Failure`` for a query that names what is not there.
    package init(_ job: JobID, in store: Store, metrics: [String], query: RunQuery? = nil) throws {
        let snapshot = try store.snapshot(of: job)
        let chosen = try query.flatMap { $0.isNone ? nil : try RunSelection($0, of: snapshot, in: store) }
        runs = chosen?.runs ?? snapshot.runs
        self.metrics = MetricSelection(metrics)
    }

    /// Writes the table row by row, so that a sweep's history need not fit into memory.
    ///
    /// - Throws: ``Failure`` for a metric that no run has logged, before anything is written; a file that cannot be read.
    package func write(_ line: (String) throws -> Void) throws {
        try checkNames()
        try line("run,experiment,step,metric,value\r\n")
        for run in runs {
            let names = [run.id.rawValue, run.experiment].map(RunTable.quoted).joined(separator: ",")
            try MetricRows.forEach(in: run.folder.metrics) { step, values in
                for (name, value) in values where name != Metric.step.name && metrics.takes(name) {
                    try line("\(names),\(step),\(RunTable.quoted(name)),\(value)\r\n")
                }
            }
        }
    }

    /// Looks for the selected metrics in run after run, until all are found.
    private func checkNames() throws {
        var known: Set<String> = []
        for run in runs where !metrics.areAll(among: known) {
            try MetricRows.forEach(in: run.folder.metrics) { _, values in known.formUnion(values.map(\.name)) }
        }
        _ = try metrics.checked(against: known.subtracting([Metric.step.name]).sorted())
    }
}
