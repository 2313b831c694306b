import Artifacts
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
    ///   - metrics: The metrics to include; all if none is named.
    ///   - query: Which runs, in which order.
    /// - Throws: What keeps the state file from being read; ``Failure`` for a query that names what is not there.
    package init(_ job: JobID, in store: Store, metrics: [String], query: RunQuery? = nil) throws {
        let snapshot = try store.snapshot(of: job)
        let chosen = try query.flatMap { $0.isNone ? nil : try RunSelection($0, of: snapshot, in: store) }
        runs = chosen?.runs ?? snapshot.runs
        self.metrics = MetricSelection(metrics)
    }

    /// Writes the table row by row, so a sweep's history need not fit into memory.
    ///
    /// - Parameter line: Takes each line.
    /// - Returns: What could not be read, one message for each run that lacks rows which it has logged.
    /// - Throws: ``Failure`` for a metric that no run has logged, before anything is written; what `line` throws.
    package func write(_ line: (String) throws -> Void) throws -> [String] {
        try checkNames()
        try line("run,experiment,step,metric,value\r\n")
        var problems: [String] = []
        for run in runs {
            let names = [run.id.rawValue, run.experiment].map(RunTable.quoted).joined(separator: ",")
            let problem = try read(run) { step, values in
                for (name, value) in values where name != Metric.step.name && metrics.takes(name) {
                    try line("\(names),\(step),\(RunTable.quoted(name)),\(value)\r\n")
                }
            }
            if let problem { problems.append("run \(run.id): \(problem)") }
        }
        return problems
    }

    /// Reads a run's rows.
    ///
    /// - Returns: Why that is not all that the run has logged, if it is not.
    private func read(
        _ run: Run, _ body: (_ step: Int, _ values: [(name: String, value: String)]) throws -> Void
    ) throws -> String? {
        var count = 0
        do {
            try MetricRows.forEach(in: run.folder.metrics) { step, values in
                count += 1
                try body(step, values)
            }
        } catch let error as FileError {
            return "\(error)"
        } catch let error as MetricRows.Damage {
            return "\(error)"
        }
        // One that has ended well has logged its end.
        guard count == 0, run.status.isSettled, run.status == .done || !run.metrics.isEmpty else { return nil }
        return FolderListing.isMissing(run.folder.metrics)
            ? "\(run.folder.metrics) is gone" : "\(run.folder.metrics) holds no rows"
    }

    /// Looks for the selected metrics in run after run, until all are found.
    private func checkNames() throws {
        var known: Set<String> = []
        for run in runs where !metrics.areAll(among: known) {
            _ = try read(run) { _, values in known.formUnion(values.map(\.name)) }
        }
        _ = try metrics.checked(against: known.subtracting([Metric.step.name]).sorted())
    }
}
