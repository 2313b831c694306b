/// A column of text in a schema, and where its buffers stand in each record batch.
struct ArrowColumn {
    private let name: String
    private let isLarge: Bool
    private let node: Int
    private let buffer: Int

    /// Finds a column by its name.
    init(named name: String, in schema: FlatTable) throws(Fault) {
        guard try schema.number(0, Int16.self, default: 0) == 0 else {
            throw .unsupported("an Arrow stream with big-endian numbers", instead: "write it again on a common machine")
        }
        self.name = name
        let fields = try schema.tables(1)
        var place = (node: 0, buffer: 0)
        for field in fields {
            guard try field.text(0) == name else {
                try Self.pass(field, &place, depth: 0)
                continue
            }
            let type = try Self.type(of: field)
            if try field.table(4) != nil {
                throw .unsupported(
                    "the column '\(name)', which Arrow has dictionary-encoded,", instead: "cast it to string first")
            }
            guard type == .text || type == .largeText else {
                throw Fault("the column '\(name)' holds no text: it is \(type.name)")
            }
            (isLarge, node, buffer) = (type == .largeText, place.node, place.buffer)
            return
        }
        var names: [String] = []
        for field in fields { names.append(try field.text(0) ?? "") }
        throw .missingColumn(name, among: names)
    }

    private enum Kind: UInt8 {
        case null = 1
        case integer, floatingPoint, binary, text, bool, decimal, date, time, timestamp, interval, list, structure
        case union, fixedSizeBinary, fixedSizeList, map, duration, largeBinary, largeText, largeList, runEndEncoded

        var name: String {
            switch self {
            case .list, .largeList, .fixedSizeList: "a list"
            case .structure, .map: "a struct"
            case .integer: "an integer"
            case .floatingPoint, .decimal: "a number"
            case .bool: "a truth value"
            case .null: "null in every row"
            case .binary, .largeBinary, .fixedSizeBinary: "bytes"
            default: "of another type"
            }
        }
    }

    private static func type(of field: FlatTable) throws(Fault) -> Kind {
        let number = try field.number(2, UInt8.self, default: 0)
        guard let type = Kind(rawValue: number) else {
            throw .unsupported("the Arrow type number \(number)", instead: "cast that column to string first")
        }
        return type
    }

    /// Counts the nodes and buffers that a column before the wanted one takes.
    private static func pass(_ field: FlatTable, _ place: inout (node: Int, buffer: Int), depth: Int) throws(Fault) {
        guard depth < 64 else { throw .damaged("its columns are nested too deep") }
        place.node += 1
        // A dictionary-encoded column stands in the batches as its indices.
        if try field.table(4) != nil {
            place.buffer += 2
            return
        }
        switch try type(of: field) {
        case .null, .runEndEncoded: break
        case .structure, .fixedSizeList: place.buffer += 1
        case .binary, .text, .largeBinary, .largeText: place.buffer += 3
        case .union: place.buffer += try field.table(3)?.number(0, Int16.self, default: 0) == 1 ? 2 : 1
        default: place.buffer += 2
        }
        for child in try field.tables(5) { try pass(child, &place, depth: depth + 1) }
    }

    /// Gives each row's text of a record batch to `body`.
    func forEachText(
        _ batch: FlatTable, source: ByteSource, body range: Range<Int>, _ body: (ArraySlice<UInt8>?) throws -> Void
    ) throws {
        let (nodes, buffers) = (try batch.rows(1, width: 2), try batch.rows(2, width: 2))
        guard node < nodes.count, buffer + 2 < buffers.count else {
            throw Fault.damaged("a record batch has fewer columns than the schema")
        }
        let compression = try batch.table(3)
        func contents(_ index: Int) throws(Fault) -> [UInt8] {
            let (offset, length) = (buffers[buffer + index][0], buffers[buffer + index][1])
            guard offset >= 0, length >= 0, offset <= range.count, length <= Int64(range.count) - offset else {
                throw .damaged("a record batch points outside itself")
            }
            let start = range.lowerBound + Int(offset)
            return try Self.decompressed(try source.read(start..<start + Int(length)), compression)
        }
        guard let rows = Int(exactly: nodes[node][0]), rows >= 0 else {
            throw Fault.damaged("a record batch has a negative number of rows")
        }
        if rows == 0 { return }
        let (validity, offsets, data) = (try contents(0), try contents(1), try contents(2))
        let width = isLarge ? 8 : 4
        guard offsets.count / width > rows, nodes[node][1] == 0 || validity.count * 8 >= rows else {
            throw Fault.damaged("a record batch is shorter than its \(rows) rows")
        }
        func offset(_ row: Int) -> Int {
            offsets.withUnsafeBytes {
                isLarge
                    ? Int(Int64(littleEndian: $0.loadUnaligned(fromByteOffset: 8 * row, as: Int64.self)))
                    : Int(Int32(littleEndian: $0.loadUnaligned(fromByteOffset: 4 * row, as: Int32.self)))
            }
        }
        for row in 0..<rows {
            if nodes[node][1] != 0, validity[row / 8] >> UInt8(row % 8) & 1 == 0 {
                try body(nil)
                continue
            }
            let (start, end) = (offset(row), offset(row + 1))
            guard 0 <= start, start <= end, end <= data.count else {
                throw Fault.damaged("a text of a record batch lies outside it")
            }
            try body(data[start..<end])
        }
    }

    /// A buffer's bytes; a compressed one begins with its size, or -1 where it is stored as it is.
    private static func decompressed(_ bytes: [UInt8], _ compression: FlatTable?) throws(Fault) -> [UInt8] {
        guard let compression, !bytes.isEmpty else { return bytes }
        guard try compression.number(0, Int8.self, default: 0) == 1 else {
            throw .unsupported("an Arrow stream compressed with LZ4", instead: "write it again with zstd or none")
        }
        var cursor = Cursor(bytes[...])
        let size = try cursor.number(Int64.self)
        if size == -1 { return Array(cursor.rest) }
        guard size >= 0, size <= 1 << 32 else { throw .damaged("a buffer claims a size of \(size) bytes") }
        return try Block.zstd(cursor.rest, size: Int(size))
    }
}
