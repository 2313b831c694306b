import Experiments

/// Rows of values below named columns.
public struct QueryTable: Sendable, Equatable {
    /// A column.
    public struct Column: Sendable, Equatable {
        /// Its name, by which a user names it: whole, or by its last parts behind a dot or slash if that is enough.
        public let name: String
        /// Other names for it.
        public let aliases: [String]
        /// All values that it can have, if these are few known words.
        public let words: [String]?

        /// Describes a column.
        public init(_ name: String, aliases: [String] = [], words: [String]? = nil) {
            (self.name, self.aliases, self.words) = (name, aliases, words)
        }
    }

    /// The columns.
    ///
    /// Where a name could mean several, it means the first one.
    public let columns: [Column]
    /// The rows, each with a value for every column.
    public let rows: [[Value]]
    private let indices: [String: Int]

    /// Makes a table; every row has as many values as there are columns.
    public init(_ columns: [Column], rows: [[Value]]) {
        (self.columns, self.rows) = (columns, rows)
        indices = Dictionary(
            columns.enumerated().flatMap { index, column in ([column.name] + column.aliases).map { ($0, index) } }
        ) { first, _ in first }
    }

    /// The column that a user's name means.
    ///
    /// - Parameters:
    ///   - name: The name, or as much of its end as distinguishes the column.
    ///   - text: What the user has written, for messages.
    ///   - position: Where the name begins in it.
    /// - Returns: The column's index.
    /// - Throws: ``QueryError`` for a name that no column has, or several.
    public func column(_ name: String, in text: String, at position: Int) throws(QueryError) -> Int {
        if let index = indices[name] { return index }
        let ends = columns.indices.filter { index in
            [".", "/"].contains { columns[index].name.hasSuffix($0 + name) }
        }
        if let index = ends.first, ends.count == 1 { return index }
        guard ends.isEmpty else {
            let names = ends.prefix(4).map { "'\(columns[$0].name)'" }
            throw QueryError(
                text, at: position,
                "'\(name)' may be \(names.joined(separator: ", "))\(ends.count > 4 ? " or others" : ""); write more of it"
            )
        }
        let near = suggestion(for: name, among: columns.map(\.name))
        throw QueryError(
            text, at: position,
            "there is no column '\(name)'" + (near.isEmpty ? "; there are \(names(atMost: 12))" : near))
    }

    private func names(atMost limit: Int) -> String {
        columns.prefix(limit).map(\.name).joined(separator: ", ") + (columns.count > limit ? ", …" : "")
    }

    /// The columns of a list like `lr, mmcs`.
    ///
    /// - Throws: ``QueryError`` for a name that no column has, or several; and for a list without names.
    public func columns(of list: NameList) throws(QueryError) -> [Int] {
        var found: [Int] = []
        for name in list.names {
            let index = try column(name.text, in: list.text, at: name.position)
            if !found.contains(index) { found.append(index) }
        }
        return found
    }

    /// The columns that a condition names.
    ///
    /// - Throws: ``QueryError`` for a name that no column has, or several.
    public func columns(of condition: Condition) throws(QueryError) -> [Int] {
        var found: [Int] = []
        for name in condition.root.names { found.append(try column(name.text, in: condition.text, at: name.position)) }
        return found
    }

    /// Whether some row has a number in a column, and none anything but numbers.
    public func isNumeric(_ column: Int) -> Bool {
        var hasNumber = false
        for row in rows {
            switch row[column] {
            case .number: hasNumber = true
            case .missing: break
            case .text, .bool: return false
            }
        }
        return hasNumber
    }
}

/// `; did you mean 'lr'?`, or nothing.
func suggestion(for name: String, among known: [String]) -> String {
    Spelling.nearest(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
}
