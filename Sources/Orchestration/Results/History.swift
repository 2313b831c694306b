import Artifacts
import Foundation
import JSON
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
    ///   - metrics: The metrics that are told; all where none is named.
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
            try forEachRow(of: run) { step, values in
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
            try forEachRow(of: run) { _, values in known.formUnion(values.map(\.name)) }
        }
        _ = try metrics.checked(against: known.subtracting([Metric.step.name]).sorted())
    }

    /// The rows of a run that has begun; none of one that has not.
    private func forEachRow(
        of run: Run, _ body: (_ step: Int, _ values: [(name: String, value: String)]) throws -> Void
    ) throws {
        let path = run.folder.metrics
        guard let file = fopen(path, "r") else {
            guard errno == ENOENT else { throw FileError(.read, path) }
            return
        }
        defer { fclose(file) }
        var buffer: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(buffer) }
        var line = 0
        while true {
            let length = getline(&buffer, &capacity, file)
            guard length > 0, let buffer else {
                guard ferror(file) == 0 else { throw FileError(.read, path) }
                return
            }
            line += 1
            let text = String(decoding: UnsafeRawBufferPointer(start: buffer, count: length), as: UTF8.self)
            // A row that a crash cut short, or that is being written, has no end.
            guard text.hasSuffix("\n") else { return }
            guard case .object(let members) = try row(text, path, line) else {
                throw Failure.failed("\(path):\(line): is not a row of metrics")
            }
            var (step, values): (Int?, [(String, String)]) = (nil, [])
            for member in members {
                guard case .number(let literal) = member.value else { continue }
                if member.name == Metric.step.name {
                    step = member.value.integer
                } else {
                    values.append((member.name, literal))
                }
            }
            if let step { try body(step, values) }
        }
    }

    private func row(_ text: String, _ path: String, _ line: Int) throws(Failure) -> JSONValue {
        do { return try JSONValue(parsing: text) } catch {
            throw .failed("\(path):\(line): is not a row of metrics: \(error)")
        }
    }
}
