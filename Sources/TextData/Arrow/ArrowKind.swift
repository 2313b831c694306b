/// The types of Arrow's columns, numbered as a schema numbers them.
enum ArrowKind: UInt8 {
    case null = 1
    case integer, floatingPoint, binary, text, bool, decimal, date, time, timestamp, interval, list, structure
    case union, fixedSizeBinary, fixedSizeList, map, duration, largeBinary, largeText, largeList, runEndEncoded
    case binaryView, textView, listView, largeListView

    /// The type of a schema's field.
    init(of field: FlatTable) throws(Fault) {
        let number = try field.number(2, UInt8.self, default: 0)
        guard let kind = ArrowKind(rawValue: number) else {
            throw .unsupported("the Arrow type number \(number)", instead: "write the file again without that column")
        }
        self = kind
    }

    /// What a column of the type holds, for an error message that it holds no text.
    var name: String {
        switch self {
        case .list, .largeList, .fixedSizeList, .listView, .largeListView: "a list"
        case .structure, .map: "a struct"
        case .integer: "an integer"
        case .floatingPoint, .decimal: "a number"
        case .bool: "a truth value"
        case .null: "null in every row"
        case .binary, .largeBinary, .fixedSizeBinary, .binaryView: "bytes"
        default: "of another type"
        }
    }
}

/// Where a column stands in each record batch.
struct ArrowPlace {
    /// How many nodes come before it.
    var node = 0
    /// How many buffers, those aside whose number each batch says itself.
    var buffer = 0
    /// How many columns of views: each has as many data buffers more as the batch says.
    var views = 0

    /// Passes a column that is before the wanted one.
    mutating func pass(_ field: FlatTable, depth: Int = 0) throws(Fault) {
        guard depth < 64 else { throw .damaged("its columns are nested too deep") }
        node += 1
        // A dictionary-encoded column stands in the batches as its indices.
        if try field.table(4) != nil {
            buffer += 2
            return
        }
        switch try ArrowKind(of: field) {
        case .null, .runEndEncoded: break
        case .structure, .fixedSizeList: buffer += 1
        case .binary, .text, .largeBinary, .largeText, .listView, .largeListView: buffer += 3
        case .union: buffer += try field.table(3)?.number(0, Int16.self, default: 0) == 1 ? 2 : 1
        case .binaryView, .textView:
            buffer += 2
            views += 1
        default: buffer += 2
        }
        for child in try field.tables(5) { try pass(child, depth: depth + 1) }
    }
}
