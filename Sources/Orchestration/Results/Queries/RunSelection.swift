import Foundation
import JSON
import Metrics
package import Queries
package import Store

/// The runs of a job that a ``RunQuery`` selects, in its order, with the columns that it names.
package struct RunSelection {
    /// The runs.
    package let runs: [Run]
    /// The columns that were asked for, by name; nil if none were.
    package let columnNames: [String]?
    let table: QueryTable
    /// The runs' rows in the table.
    let rows: [Int]
    let query: RunQuery
    private let columns: [Int]?
    private let grouping: [Int]

    /// Selects runs.
    ///
    /// - Parameters:
    ///   - query: What is wanted.
    ///   - snapshot: A job with all its runs.
    ///   - store: Where it is.
    ///   - statuses: The states that runs must have on top.
    /// - Throws: ``Failure`` for columns that are not there and values that can't be; what keeps the state file from
    ///   being read.
    package init(
        _ query: RunQuery, of snapshot: JobSnapshot, in store: Store,
        only statuses: Set<RunStatus> = Set(RunStatus.allCases)
    ) throws {
        let table = try RunColumns.table(snapshot, in: store, for: query)
        self.query = query
        self.table = table
        var rows = Array(snapshot.runs.indices)
        if let condition = query.condition {
            rows = try RunQuery.told(of: "--where") { () throws(QueryError) in try table.indices(where: condition) }
        }
        rows = rows.filter { statuses.contains(snapshot.runs[$0].status) }
        // Groups are sorted by their own columns, not by runs' columns.
        if let order = query.order, query.grouping == nil {
            let unsorted = rows
            rows = try RunQuery.told(of: "--sort") { () throws(QueryError) in try table.sorted(unsorted, by: order) }
        }
        self.rows = rows
        runs = rows.map { snapshot.runs[$0] }
        columns = try query.columns.map { list in
            try RunQuery.told(of: "--columns") { () throws(QueryError) in try table.columns(of: list) }
        }
        grouping =
            try query.grouping.map { list in
                try RunQuery.told(of: "--group-by") { () throws(QueryError) in try table.columns(of: list) }
            } ?? []
        columnNames = columns?.map { table.columns[$0].name }
    }

    /// The values of the columns that were asked for, of the run at a place in ``runs``.
    package func values(at place: Int) -> [Value] { (columns ?? []).map { table.rows[rows[place]][$0] } }

    /// The runs as lines of a table that shows the columns which were asked for.
    ///
    /// - Parameters:
    ///   - limit: How many runs at most.
    ///   - style: Colours for a terminal.
    ///   - lead: Columns before those: titles and, for the run at a place, cells.
    /// - Returns: The lines, the titles first.
    package func lines(
        atMost limit: Int = .max, _ style: TerminalStyle, after lead: [(title: String, cell: (Int) -> String)] = []
    ) -> [String] {
        let numeric = (columns ?? []).map(table.isNumeric)
        var text = TextTable(
            lead.map { ($0.title, .left) } + zip(columnNames ?? [], numeric).map { ($0, $1 ? .right : .left) })
        for place in runs.indices.prefix(limit) {
            text.add(
                lead.map { .init($0.cell(place)) }
                    + zip(columnNames ?? [], values(at: place)).map { .init(Self.cell($1, of: $0)) })
        }
        return text.lines(style)
    }

    /// One line per run below the columns' names, as ``RunTable`` has them.
    package func csv() -> String {
        let names = columnNames ?? []
        let lines = [names] + runs.indices.map { place in zip(names, values(at: place)).map { Self.field($1, of: $0) } }
        return lines.map { $0.map(RunTable.quoted).joined(separator: ",") + "\r\n" }.joined()
    }

    /// One JSON object per run, with a member for each column.
    package func jsonLines() throws -> String {
        try runs.indices.map { try JSONText.line(columnValues(at: $0)) + "\n" }.joined()
    }

    /// The columns that were asked for, by name, as programs read them.
    package func columnValues(at place: Int) -> [String: CellValue] {
        Dictionary(zip(columnNames ?? [], values(at: place).map(CellValue.init))) { first, _ in first }
    }

    /// The selected runs in groups; nil if they were not asked for.
    ///
    /// - Parameters:
    ///   - measures: The columns that are summed up, where the query names none.
    ///   - always: One that is summed up in any case.
    /// - Returns: The groups.
    /// - Throws: ``Failure`` for an order that names a column which groups don't have, or a column without numbers.
    package func groups(measuring measures: [String], always: String? = nil) throws(Failure) -> RunGroups? {
        guard query.grouping != nil else { return nil }
        let table = table
        func index(_ name: String) -> Int? { table.columns.firstIndex { $0.name == name } }
        var wanted = columns ?? measures.compactMap(index)
        if let first = always.flatMap(index), !wanted.contains(first) { wanted.insert(first, at: 0) }
        for column in columns ?? [] where !grouping.contains(column) && !table.isNumeric(column) {
            guard table.rows.contains(where: { $0[column] != .missing }) else { continue }
            throw .badInput(
                "--columns: '\(table.columns[column].name)' has no numbers to average over a group")
        }
        return try RunGroups(
            self, by: grouping, measuring: wanted.filter { !grouping.contains($0) }, order: query.order)
    }

    /// A value as people read it.
    static func cell(_ value: Value, of column: String) -> String {
        guard case .number(let number) = value, !RunColumns.times.contains(column), value.plain.count > 9 else {
            return field(value, of: column)
        }
        return Metric.text(number, digits: 6)
    }

    /// A value as CSV has it.
    static func field(_ value: Value, of column: String) -> String {
        guard let number = value.number, RunColumns.times.contains(column) else { return value.plain }
        return Date(timeIntervalSince1970: number.rounded(.down)).ISO8601Format()
    }
}

/// A value of a column as JSON.
package struct CellValue: Encodable {
    private let value: Value

    init(_ value: Value) { self.value = value }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch value {
        case .number(let number):
            if let whole = Int64(exactly: number) { try container.encode(whole) } else { try container.encode(number) }
        case .text(let text): try container.encode(text)
        case .bool(let bool): try container.encode(bool)
        case .missing: try container.encodeNil()
        }
    }
}
