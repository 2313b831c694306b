import Foundation
import JSON
import Metrics
package import Store

/// Finished runs in the order of a metric.
package struct Ranking {
    package let metric: String
    package let runs: [(run: Run, value: Double)]
    /// Finished runs whose metric is not a number.
    package let withoutValue: Int

    package init(_ runs: [Run], by metric: String, highestFirst: Bool? = nil) throws(Failure) {
        self.metric = metric
        let highestFirst = highestFirst ?? (Metric.named(metric)?.better == .high)
        let done = runs.filter { $0.status == .done }
        guard !done.isEmpty else { throw .failed("no run of the job is done yet") }
        let known = Set(done.flatMap(\.metrics.keys))
        guard known.contains(metric) else {
            throw .badInput(
                "no run of the job has a metric '\(metric)'; there are " + known.sorted().joined(separator: ", "))
        }
        let ranked = done.compactMap { run in
            run.metrics[metric].flatMap { $0.isNaN ? nil : (run: run, value: $0) }
        }
        withoutValue = done.count - ranked.count
        self.runs = ranked.sorted { a, b in
            a.value == b.value ? a.run.position < b.run.position : (a.value > b.value) == highestFirst
        }
    }

    package func text(atMost limit: Int, _ style: Style) throws -> String {
        let settings = try runs.map { try Overrides(json: $0.run.overrides) }
        let common = Overrides.common(settings)
        var table = TextTable([
            ("", .right), ("RUN", .left), ("EXPERIMENT", .left), ("SETTINGS", .left), (metric, .right),
        ])
        for (index, entry) in runs.prefix(limit).enumerated() {
            table.add([
                .init(String(index + 1)), .init(entry.run.id.rawValue), .init(entry.run.experiment),
                .init(settings[index].text(without: common)), .init(String(format: "%.6g", entry.value)),
            ])
        }
        var lines = table.lines(style)
        if let best = runs.first { lines.append("Files of the first: \(best.run.folder.path)") }
        if withoutValue > 0 {
            lines.append("\(plural(withoutValue, "finished run")) left out: \(metric) is missing or not a number")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    package func json(atMost limit: Int) throws -> String {
        struct Entry: Encodable {
            let rank: Int
            let value: Double
            let run: JobReport.RunReport
        }
        struct Report: Encodable {
            let metric: String
            let best: [Entry]
        }
        var best: [Entry] = []
        for (index, entry) in runs.prefix(limit).enumerated() {
            best.append(Entry(rank: index + 1, value: entry.value, run: try JobReport.RunReport(entry.run)))
        }
        return try JSONText.encode(Report(metric: metric, best: best))
    }
}
