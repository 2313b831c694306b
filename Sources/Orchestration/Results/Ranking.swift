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
    private let selection: RunSelection?
    private let groups: RunGroups?

    /// Ranks a job's finished runs.
    ///
    /// - Parameters:
    ///   - snapshot: The job with all its runs.
    ///   - metric: The metric, by its logged name.
    ///   - highestFirst: Whether high values come first; nil for the better ones.
    ///   - query: Which of them; they are shown in its order if it has one. Groups are ranked by the metric's mean.
    ///   - store: Where the job is.
    /// - Throws: ``Failure`` if there is nothing to rank.
    package init(
        _ snapshot: JobSnapshot, by metric: String, highestFirst: Bool? = nil, query: RunQuery, in store: Store
    ) throws {
        self.metric = metric
        let highestFirst = highestFirst ?? (Metric.named(metric)?.better == .high)
        let finished = snapshot.runs.filter { $0.status == .done }
        guard !finished.isEmpty else { throw Failure.failed("no run of the job is done yet") }
        let selection = query.isNone ? nil : try RunSelection(query, of: snapshot, in: store, only: [.done])
        let done = selection?.runs ?? finished
        let known = Set(finished.flatMap(\.metrics.names))
        guard known.contains(metric) else {
            throw Failure.badInput(
                "no run of the job has a metric '\(metric)'; there are " + known.sorted().joined(separator: ", "))
        }
        guard !done.isEmpty else { throw Failure.failed("--where selects no finished run of the job") }
        let ranked = done.compactMap { run in
            run.metrics[metric].flatMap { $0.isNaN ? nil : (run: run, value: $0) }
        }
        withoutValue = done.count - ranked.count
        self.runs = ranked.sorted { a, b in
            a.value == b.value ? a.run.position < b.run.position : (a.value > b.value) == highestFirst
        }
        self.selection = selection
        let groups = try selection?.groups(measuring: [], always: metric)
        self.groups = query.order == nil ? groups?.ranked(by: metric, highestFirst: highestFirst) : groups
    }

    /// The ranks that are shown, in the order in which they are.
    private func shown(atMost limit: Int) -> [Int] {
        let ranks = Array(runs.indices.prefix(limit))
        guard let selection, selection.query.order != nil else { return ranks }
        let places = Dictionary(zip(selection.runs.map(\.id), selection.runs.indices)) { first, _ in first }
        return ranks.sorted { places[runs[$0].run.id] ?? 0 < places[runs[$1].run.id] ?? 0 }
    }

    package func text(atMost limit: Int, _ style: TerminalStyle) throws -> String {
        if let groups { return groups.lines(atMost: limit, style).joined(separator: "\n") + "\n" }
        let settings = try runs.map { try Overrides(json: $0.run.overrides) }
        let common = Overrides.common(settings)
        let columns = selection?.columnNames
        var table = TextTable(
            [("", .right), ("RUN", .left)]
                + (columns.map { $0.map { ($0, .left) } } ?? [("EXPERIMENT", .left), ("SETTINGS", .left)])
                + [(metric, .right)])
        for index in shown(atMost: limit) {
            let entry = runs[index]
            let cells =
                cells(of: entry.run)
                ?? [.init(entry.run.experiment), .init(settings[index].text(without: common))]
            table.add(
                [.init(String(index + 1)), .init(entry.run.id.rawValue)] + cells
                    + [.init(Metric.text(entry.value, digits: 6))])
        }
        var lines = table.lines(style)
        if let best = runs.first { lines.append("Files of the first: \(best.run.folder.path)") }
        if withoutValue > 0 {
            lines.append("\(plural(withoutValue, "finished run")) left out: \(metric) is missing or not a number")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The columns that were asked for; nil if none were.
    private func cells(of run: Run) -> [TextTable.Cell]? {
        guard let selection, let names = selection.columnNames,
            let place = selection.runs.firstIndex(where: { $0.id == run.id })
        else { return nil }
        return zip(names, selection.values(at: place)).map { .init(RunSelection.cell($1, of: $0)) }
    }

    package func json(atMost limit: Int) throws -> String {
        struct Entry: Encodable {
            let rank: Int
            let value: Double
            let run: JobReport.RunReport
            let columns: [String: CellValue]?
        }
        struct Report: Encodable {
            let metric: String
            let best: [Entry]?
            let groups: [RunGroups.Report]?
        }
        if let groups {
            return try JSONText.encode(Report(metric: metric, best: nil, groups: groups.reports(atMost: limit)))
        }
        var best: [Entry] = []
        for index in shown(atMost: limit) {
            let entry = runs[index]
            let place = selection?.columnNames == nil ? nil : selection?.runs.firstIndex { $0.id == entry.run.id }
            best.append(
                Entry(
                    rank: index + 1, value: entry.value, run: try JobReport.RunReport(entry.run),
                    columns: place.flatMap { selection?.columnValues(at: $0) }))
        }
        return try JSONText.encode(Report(metric: metric, best: best, groups: nil))
    }
}
