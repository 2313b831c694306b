extension QueryTable {
    /// The rows for which a condition holds, by their indices.
    ///
    /// - Throws: ``QueryError`` for a column that does not exist, and for a value that its column can't have.
    public func indices(where condition: Condition) throws(QueryError) -> [Int] {
        let test = try test(condition.root, in: condition.text)
        return rows.indices.filter { test(rows[$0]) }
    }

    /// The given rows sorted by a list's columns; the sort is stable.
    ///
    /// What is missing, or not a number, comes last in either direction.
    public func sorted(_ indices: [Int], by list: NameList) throws(QueryError) -> [Int] {
        var keys: [(column: Int, isDescending: Bool)] = []
        for name in list.names {
            keys.append((try column(name.text, in: list.text, at: name.position), name.isDescending))
        }
        return indices.enumerated().sorted { a, b in
            for (column, isDescending) in keys {
                let (first, second) = (rows[a.element][column], rows[b.element][column])
                guard !first.isSame(as: second) else { continue }
                if first.isOrdered != second.isOrdered { return first.isOrdered }
                if first.precedes(second) { return !isDescending }
                if second.precedes(first) { return isDescending }
            }
            return a.offset < b.offset
        }.map(\.element)
    }

    private typealias Test = ([Value]) -> Bool

    private func test(_ node: Condition.Node, in text: String) throws(QueryError) -> Test {
        switch node {
        case .not(let inner):
            let inner = try test(inner, in: text)
            return { !inner($0) }
        case .all(let nodes):
            let tests = try self.tests(nodes, in: text)
            return { row in tests.allSatisfy { $0(row) } }
        case .any(let nodes):
            let tests = try self.tests(nodes, in: text)
            return { row in tests.contains { $0(row) } }
        case .comparison(let comparison):
            let column = try column(comparison.column.text, in: text, at: comparison.column.position)
            var tests: [Test] = []
            for operand in comparison.operands { tests.append(try test(column, comparison.sign, operand, in: text)) }
            return { row in tests.contains { $0(row) } }
        }
    }

    private func tests(_ nodes: [Condition.Node], in text: String) throws(QueryError) -> [Test] {
        var tests: [Test] = []
        for node in nodes { tests.append(try test(node, in: text)) }
        return tests
    }

    private func test(
        _ column: Int, _ sign: Condition.Comparison.Sign, _ operand: Condition.Operand, in text: String
    ) throws(QueryError) -> Test {
        switch operand.kind {
        case .column(let name):
            let other = try self.column(name.text, in: text, at: name.position)
            return { Self.holds($0[column], sign, $0[other]) }
        case .value(let value):
            let fitting = try fitted(value, to: column, sign, operand, in: text)
            return { Self.holds($0[column], sign, fitting) }
        }
    }

    /// The value as the column has its own: a column of texts is compared with the word as it was written.
    private func fitted(
        _ value: Value, to column: Int, _ sign: Condition.Comparison.Sign, _ operand: Condition.Operand, in text: String
    ) throws(QueryError) -> Value {
        if sign == .contains || sign == .lacks { return .text(operand.spelling) }
        if value == .missing {
            if sign == .equal || sign == .different { return value }
            throw QueryError(text, at: operand.position, "nothing is above or below null; expected = or !=")
        }
        let name = columns[column].name
        if let words = columns[column].words, sign == .equal || sign == .different, !words.contains(operand.spelling) {
            throw QueryError(
                text, at: operand.position,
                "\(name) is never '\(operand.spelling)'"
                    + (suggestion(for: operand.spelling, among: words).isEmpty
                        ? "; it is one of \(words.joined(separator: ", "))"
                        : suggestion(for: operand.spelling, among: words)))
        }
        if case .number = value {
            return rows.contains { if case .text = $0[column] { true } else { false } }
                ? .text(operand.spelling) : value
        }
        if isNumeric(column) {
            throw QueryError(
                text, at: operand.position, "\(name) is a number; expected one, found '\(operand.spelling)'")
        }
        return value
    }

    private static func holds(_ value: Value, _ sign: Condition.Comparison.Sign, _ other: Value) -> Bool {
        switch sign {
        case .equal: return value.isSame(as: mixed(other, like: value))
        case .different: return !value.isSame(as: mixed(other, like: value))
        case .contains: return contains(value, other)
        case .lacks: return !contains(value, other)
        case .below: return isBelow(value, other)
        case .above: return isBelow(other, value)
        case .atMost: return isBelow(value, other) || value != .missing && value.isSame(as: other)
        case .atLeast: return isBelow(other, value) || value != .missing && value.isSame(as: other)
        }
    }

    /// In a column of numbers and texts, `3` is compared with the numbers as a number.
    private static func mixed(_ other: Value, like value: Value) -> Value {
        if case .number = value, case .text(let text) = other, let number = Double(text) { return .number(number) }
        return other
    }

    private static func isBelow(_ a: Value, _ b: Value) -> Bool {
        switch (a, b) {
        case (.number(let a), .number(let b)): a < b
        case (.text(let a), .text(let b)): a < b
        default: false
        }
    }

    private static func contains(_ value: Value, _ other: Value) -> Bool {
        guard value != .missing else { return false }
        return other.plain.isEmpty || value.plain.lowercased().contains(other.plain.lowercased())
    }
}
