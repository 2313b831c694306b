/// A stream of Arrow record batches, as the `datasets` package keeps them, or an Arrow file, which holds one.
///
/// Format: <https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc>
struct ArrowStream {
    private static let fileMagic = Array("ARROW1".utf8)
    private static let continuation: UInt32 = 0xFFFF_FFFF

    private let source: ByteSource

    /// Whether a file's first bytes are those of a stream or a file of Arrow.
    static func begins(_ magic: [UInt8]) -> Bool {
        magic.starts(with: fileMagic) || magic.starts(with: [0xFF, 0xFF, 0xFF, 0xFF])
    }

    init(_ source: ByteSource) { self.source = source }

    /// Gives each row's text of a column to `body`, nil if it is null.
    func forEachText(column name: String, _ body: (ArraySlice<UInt8>?) throws -> Void) throws {
        var place = try source.read(at: 0, upTo: 6) == Self.fileMagic ? 8 : 0
        var column: ArrowColumn?
        while place < source.count {
            guard let message = try message(&place) else { break }
            let body64 = try message.number(3, Int64.self, default: 0)
            guard let length = Int(exactly: body64), length >= 0, length <= source.count - place else {
                throw Fault.damaged("a record batch is longer than the file")
            }
            let range = place..<place + length
            place += length
            switch (try message.number(1, UInt8.self, default: 0), try message.table(2)) {
            case (1, let schema?): column = try ArrowColumn(named: name, in: schema)
            case (2, let dictionary?): try column?.learn(dictionary, source: source, body: range)
            case (3, let batch?):
                guard let column else { throw Fault.damaged("a record batch comes before the schema") }
                try column.forEachText(batch, source: source, body: range, body)
            default: break  // What later versions add.
            }
        }
        guard column != nil else { throw Fault.damaged("it holds no schema") }
    }

    /// The next message's metadata; nil at the end of the stream.
    private func message(_ place: inout Int) throws(Fault) -> FlatTable? {
        var cursor = Cursor(try source.read(at: place, upTo: 8)[...])
        var length = try cursor.number(UInt32.self)
        place += 4
        // Streams before version 0.15 lack the mark.
        if length == Self.continuation {
            length = try cursor.number(UInt32.self)
            place += 4
        }
        if length == 0 { return nil }
        let bytes = try source.read(place..<place + Int(length))
        place += Int(length)
        return try FlatTable(root: bytes)
    }
}
