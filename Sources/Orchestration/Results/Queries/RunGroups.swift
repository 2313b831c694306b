import Foundation
import JSON
import Queries
import Store

/// Runs that agree in some columns, with mean, deviation, median and count of the others.
package struct RunGroups {
    private let by: [String]
    private let measures: [String]
    private let groups: [(group: Group, runs: [RunID])]
    /// Keys, `n`, and of each measure `NAME.mean`, `.deviation`, `.median`, `.n`: what `--sort` and tables name.
    private let table: QueryTable
    private let order: [Int]

    init(_ selection: RunSelection, by grouping: [Int], measuring measured: [Int], order: NameList?) throws(Failure) {
        let source = selection.table
        by = grouping.map { source.columns[$0].name }
        measures = measured.map { source.columns[$0].name }
        let places = Dictionary(zip(selection.rows, selection.runs.map(\.id))) { first, _ in first }
        let found = source.groups(selection.rows, by: grouping, measuring: measured)
        groups = found.map { ($0, $0.rows.compactMap { places[$0] }) }
        let table = QueryTable(
            grouping.map { .init(source.columns[$0].name, aliases: source.columns[$0].aliases) } + [.init("n")]
                + measured.flatMap { index -> [QueryTable.Column] in
                    let column = source.columns[index]
                    return [.init(column.name + ".mean", aliases: [column.name] + column.aliases)]
                        + ["deviation", "median", "n"].map { .init(column.name + "." + $0) }
                },
            rows: found.map { group in
                group.key + [.number(Double(group.rows.count))]
                    + group.summaries.flatMap { summary in
                        [summary.mean, summary.deviation, summary.median, Double(summary.n)]
                            .map { $0.map(Value.number) ?? .missing }
                    }
            })
        self.table = table
        self.order =
            try order.map { (order) throws(Failure) in
                try RunQuery.told(of: "--sort") { () throws(QueryError) in
                    try table.sorted(Array(table.rows.indices), by: order)
                }
            } ?? Array(table.rows.indices)
    }

    private init(_ other: RunGroups, order: [Int]) {
        (by, measures, groups, table) = (other.by, other.measures, other.groups, other.table)
        self.order = order
    }

    /// The groups with the best mean of a measure first; those without one last.
    func ranked(by measure: String, highestFirst: Bool) -> RunGroups {
        guard let column = table.columns.firstIndex(where: { $0.name == measure + ".mean" }) else { return self }
        let order = self.order.enumerated().sorted { a, b in
            let (first, second) = (table.rows[a.element][column].number, table.rows[b.element][column].number)
            switch (first, second) {
            case (let first?, let second?) where first != second: return (first > second) == highestFirst
            case (_?, nil): return true
            case (nil, _?): return false
            default: return a.offset < b.offset
            }
        }
        return RunGroups(self, order: order.map(\.element))
    }

    /// For people; a mean over fewer than all runs says over how many.
    package func lines(atMost limit: Int = .max, _ style: TerminalStyle) -> [String] {
        let rows = order.prefix(limit).map { table.rows[$0] }
        let shown = table.columns.indices.filter { column in
            !table.columns[column].name.hasSuffix(".n") || rows.contains { $0[column] != $0[by.count] }
        }
        var text = TextTable(shown.map { (table.columns[$0].name, table.isNumeric($0) ? .right : .left) })
        for row in rows {
            text.add(shown.map { .init(RunSelection.cell(row[$0], of: table.columns[$0].name)) })
        }
        return rows.isEmpty ? ["No run is selected."] : text.lines(style)
    }

    package func csv() -> String {
        let names = table.columns.map(\.name)
        let lines = [names] + order.map { row in zip(names, table.rows[row]).map { RunSelection.field($1, of: $0) } }
        return lines.map { $0.map(RunTable.quoted).joined(separator: ",") + "\r\n" }.joined()
    }

    /// One JSON object per group.
    package func jsonLines() throws -> String {
        try reports().map { try JSONText.line($0) + "\n" }.joined()
    }

    /// A group as programs read it.
    package struct Report: Encodable {
        struct Numbers: Encodable {
            let n: Int
            let mean, deviation, median: Double?
        }
        let key: [String: CellValue]
        let n: Int
        let runs: [String]
        let measures: [String: Numbers]
    }

    package func reports(atMost limit: Int = .max) -> [Report] {
        order.prefix(limit).map { index in
            let (group, runs) = groups[index]
            return Report(
                key: Dictionary(zip(by, group.key.map(CellValue.init))) { first, _ in first }, n: runs.count,
                runs: runs.map(\.rawValue),
                measures: Dictionary(
                    zip(
                        measures,
                        group.summaries.map {
                            Report.Numbers(n: $0.n, mean: $0.mean, deviation: $0.deviation, median: $0.median)
                        })
                ) { first, _ in first })
        }
    }
}
