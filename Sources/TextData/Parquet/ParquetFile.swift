/// A Parquet file, of which one column of text is read.
///
/// Format: <https://parquet.apache.org/docs/file-format/>
struct ParquetFile {
    private let source: ByteSource
    private let schema: ParquetSchema
    private let rowGroups: [ThriftStruct]
    private let rows: Int

    /// Whether a file's first bytes are a Parquet file's.
    static func begins(_ magic: [UInt8]) -> Bool { magic.starts(with: Array("PAR1".utf8)) }

    /// Reads the file's metadata, which stands at its end.
    init(_ source: ByteSource) throws(Fault) {
        self.source = source
        guard source.count >= 12 else { throw .damaged("it is too short for a Parquet file") }
        var tail = Cursor(try source.read(source.count - 8..<source.count)[...])
        let length = Int(try tail.number(UInt32.self))
        switch Array(tail.rest) {
        case Array("PAR1".utf8): break
        case Array("PARE".utf8):
            throw .unsupported("its encrypted metadata", instead: "write it again without encryption")
        default: throw .damaged("a Parquet file ends in PAR1, and this one does not")
        }
        guard length <= source.count - 12 else { throw .damaged("its metadata is longer than the file") }
        var cursor = Cursor(try source.read(source.count - 8 - length..<source.count - 8)[...])
        let metadata = try ThriftStruct(&cursor)
        schema = try ParquetSchema(try metadata.required(metadata.structures(2), "a schema"))
        rows = try metadata.required(metadata.integer(3), "the number of rows")
        rowGroups = metadata.structures(4) ?? []
    }

    /// Gives each row's text of a column to `body`, nil if it is null.
    func forEachText(column name: String, _ body: (ArraySlice<UInt8>?) throws -> Void) throws {
        let column = try schema.text(name)
        var given = 0
        for group in rowGroups {
            let chunks = group.structures(1) ?? []
            guard column.index < chunks.count, let chunk = chunks[column.index].structure(3) else {
                throw Fault.damaged("a row group lacks the column '\(name)'")
            }
            if let other = chunks[column.index].text(1) {
                throw Fault.unsupported(
                    "a column kept in another file ('\(other)')", instead: "write the file again in one piece")
            }
            guard chunk.texts(3) == column.path else {
                throw Fault.damaged("the columns of a row group are not in the schema's order")
            }
            var reader = try ParquetColumn(chunk, column: column, source: source)
            given += try reader.forEachText(body)
        }
        guard given == rows else {
            throw Fault.damaged("it should hold \(rows) rows, but the column '\(name)' has \(given)")
        }
    }
}

/// The columns of a Parquet file.
struct ParquetSchema {
    /// A column that each row has one value of.
    struct Column {
        /// Its number among the columns that hold values.
        let index: Int
        let path: [String]
        /// How many of it and the groups around it may be null; a value is there where all are.
        let optionals: Int
    }

    private enum Leaf {
        case text(Column)
        /// What it is instead.
        case other(String)
    }

    private var leaves: [(path: String, leaf: Leaf)] = []

    init(_ elements: [ThriftStruct]) throws(Fault) {
        guard let root = elements.first else { throw .damaged("its schema is empty") }
        var next = 1
        try readChildren(of: root, elements, &next, path: [], optionals: 0, isRepeated: false)
    }

    private mutating func readChildren(
        of element: ThriftStruct, _ elements: [ThriftStruct], _ next: inout Int, path: [String], optionals: Int,
        isRepeated: Bool
    ) throws(Fault) {
        guard let children = element.integer(5), children >= 0 else { throw .damaged("its schema is malformed") }
        for _ in 0..<children {
            try read(elements, &next, path: path, optionals: optionals, isRepeated: isRepeated)
        }
    }

    private mutating func read(
        _ elements: [ThriftStruct], _ next: inout Int, path: [String], optionals: Int, isRepeated: Bool
    ) throws(Fault) {
        guard next < elements.count, path.count < 64 else { throw .damaged("its schema is malformed") }
        let element = elements[next]
        next += 1
        let path = path + [try element.required(element.text(4), "a column's name")]
        let repetition = element.integer(3) ?? 0
        let optionals = optionals + (repetition == 1 ? 1 : 0)
        let isRepeated = isRepeated || repetition == 2
        if !element.has(1) {
            try readChildren(
                of: element, elements, &next, path: path, optionals: optionals, isRepeated: isRepeated)
            return
        }
        let type = try element.required(element.integer(1), "a column's type")
        let leaf: Leaf
        if isRepeated {
            leaf = .other("a list")
        } else if type != Self.byteArray {
            leaf = .other(Self.typeNames.indices.contains(type) ? Self.typeNames[type] : "of type \(type)")
        } else {
            leaf = .text(Column(index: leaves.count, path: path, optionals: optionals))
        }
        leaves.append((path.joined(separator: "."), leaf))
    }

    private static let byteArray = 6
    private static let typeNames = [
        "a truth value", "a 32-bit integer", "a 64-bit integer", "a 96-bit integer", "a 32-bit float",
        "a 64-bit float", "text", "bytes of a fixed length",
    ]

    /// The column of that name.
    func text(_ name: String) throws(Fault) -> Column {
        switch leaves.first(where: { $0.path == name })?.leaf {
        case .text(let column): return column
        case .other(let what): throw Fault("the column '\(name)' holds no text: it is \(what)", concernsColumn: true)
        case nil:
            throw .missingColumn(name, among: leaves.map(\.path))
        }
    }
}

extension Fault {
    /// No column has the name that was asked for.
    static func missingColumn(_ name: String, among names: [String]) -> Fault {
        Fault(
            names.isEmpty
                ? "has no column '\(name)', nor any other"
                : "has no column '\(name)'; it has \(names.map { "'\($0)'" }.joined(separator: ", "))",
            concernsColumn: true)
    }
}
