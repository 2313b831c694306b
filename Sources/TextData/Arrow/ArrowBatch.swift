/// A record batch: the rows of all columns, in buffers.
struct ArrowBatch {
    private let source: ByteSource
    private let body: Range<Int>
    private let nodes: [[Int64]]
    private let buffers: [[Int64]]
    /// For each column of views how many data buffers it has.
    private let viewBuffers: [Int64]
    private let compression: FlatTable?

    /// The batch that a message's table describes; `body` is where its buffers stand.
    init(_ table: FlatTable, source: ByteSource, body: Range<Int>) throws(Fault) {
        self.source = source
        self.body = body
        nodes = try table.rows(1, width: 2)
        buffers = try table.rows(2, width: 2)
        compression = try table.table(3)
        viewBuffers = try table.rows(4, width: 1).map { $0[0] }
    }

    /// How many rows a column has, and how many of them are null.
    func counts(_ place: ArrowPlace) throws(Fault) -> (rows: Int, nulls: Int64) {
        guard place.node < nodes.count else { throw Self.isNarrow }
        guard let rows = Int(exactly: nodes[place.node][0]), rows >= 0 else {
            throw .damaged("a record batch has a negative number of rows")
        }
        return (rows, nodes[place.node][1])
    }

    /// The contents of one of a column's buffers.
    func contents(_ place: ArrowPlace, _ number: Int) throws(Fault) -> [UInt8] {
        guard place.views <= viewBuffers.count else { throw Self.isNarrow }
        var index = place.buffer + number
        for count in viewBuffers[..<place.views] {
            guard count >= 0, count <= Int64(buffers.count) else { throw Self.isNarrow }
            index += Int(count)
        }
        guard index < buffers.count else { throw Self.isNarrow }
        let (offset, length) = (buffers[index][0], buffers[index][1])
        guard offset >= 0, length >= 0, offset <= body.count, length <= Int64(body.count) - offset else {
            throw .damaged("a record batch points outside itself")
        }
        let start = body.lowerBound + Int(offset)
        return try decompressed(try source.read(start..<start + Int(length)))
    }

    /// The data buffers of a column of views.
    func viewContents(_ place: ArrowPlace) throws(Fault) -> [[UInt8]] {
        guard place.views < viewBuffers.count else { throw Self.isNarrow }
        var contents: [[UInt8]] = []
        for number in 0..<max(0, viewBuffers[place.views]) {
            contents.append(try self.contents(place, 2 + Int(number)))
        }
        return contents
    }

    private static let isNarrow = Fault.damaged("a record batch has fewer columns than the schema")

    /// A buffer's bytes; a compressed one begins with its size, or -1 where it is stored as it is.
    private func decompressed(_ bytes: [UInt8]) throws(Fault) -> [UInt8] {
        guard let compression, !bytes.isEmpty else { return bytes }
        var cursor = Cursor(bytes[...])
        let size = try cursor.number(Int64.self)
        if size == -1 { return Array(cursor.rest) }
        guard size >= 0, size <= 1 << 32 else { throw .damaged("a buffer claims a size of \(size) bytes") }
        return try compression.number(0, Int8.self, default: 0) == 1
            ? try CompressedBlock.zstd(cursor.rest, size: Int(size))
            : try CompressedBlock.lz4Frame(cursor.rest, size: Int(size))
    }
}
