internal import JSON

/// Rows that are JSON objects: one on each line, or all in one array.
struct JSONRows {
    private let lines: Lines

    init(_ source: ByteSource) throws(Fault) { lines = try Lines(source) }

    /// Gives each row's text of a column to `body`, nil if it is null or lacking.
    ///
    /// Some row must have the column, or nothing is given: a wrong name would give nothing but nulls.
    func forEachText(column: String, _ body: (ArraySlice<UInt8>?) throws -> Void) throws {
        var isFirst = true
        // Rows that lack the column, until one has it; and the columns that they have.
        var lacking = 0
        var columns: [String]? = []
        var array: [UInt8]?
        func give(_ row: JSONValue, at place: String) throws {
            guard case .object(let members) = row else {
                throw Fault(
                    "\(place): expected an object such as {\"\(column)\": \"…\"}, found \(row.text.prefix(60))")
            }
            isFirst = false
            // Of two members of one name the last counts, as in most parsers.
            let value = members.last { $0.name == column }?.value
            if let known = columns {
                guard value != nil else {
                    lacking += 1
                    columns = known + members.map(\.name).filter { !known.contains($0) }
                    return
                }
                columns = nil
                for _ in 0..<lacking { try body(nil) }
            }
            switch value {
            case .string(let text): try body(Array(text.utf8)[...])
            case .null, nil: try body(nil)
            case .some(let value):
                throw Fault("\(place): expected a text or null as '\(column)', found \(value.text.prefix(60))")
            }
        }
        try lines.forEach { line, number in
            if array != nil {
                array?.append(contentsOf: line)
                array?.append(UInt8(ascii: "\n"))
                return
            }
            guard let first = line.first(where: { $0 != 0x20 && $0 != 0x09 }) else { return }
            if first == UInt8(ascii: "["), isFirst {
                array = Array(line)
                return
            }
            try give(try Self.value(line, at: "line \(number)"), at: "line \(number)")
        }
        if let array {
            for (index, row) in (try Self.value(array[...], at: "its array").elements ?? []).enumerated() {
                try give(row, at: "row \(index + 1)")
            }
        }
        if let columns, lacking > 0 { throw Fault.missingColumn(column, among: columns) }
    }

    private static func value(_ bytes: ArraySlice<UInt8>, at place: String) throws(Fault) -> JSONValue {
        guard DatasetFile.isUTF8(bytes) else { throw Fault("\(place) is not UTF-8 text") }
        do {
            return try JSONValue(parsing: Array(bytes))
        } catch {
            throw Fault("\(place): no JSON: \(error)")
        }
    }
}
