import Artifacts

/// One column of one row group: pages of values, maybe with a dictionary before them.
struct ParquetColumn {
    private enum Codec: Int {
        case none = 0
        case snappy = 1
        case gzip = 2
        case zstd = 6
        case lz4 = 7

        /// Names of those that are not read; LZ4 is Hadoop's, with frames of its own.
        static let others = [3: "LZO", 4: "Brotli", 5: "LZ4"]
    }

    /// No writer makes pages of this size; a damaged or hostile file may say so.
    private static let largestPage = 1 << 30

    private let column: ParquetSchema.Column
    private let source: ByteSource
    private let codec: Codec
    private let values: Int
    private var place: Int
    private let end: Int
    private var dictionary: [ArraySlice<UInt8>]?

    init(_ chunk: ThriftStruct, column: ParquetSchema.Column, source: ByteSource) throws(Fault) {
        self.column = column
        self.source = source
        let number = try chunk.required(chunk.integer(4), "a compression codec")
        guard let codec = Codec(rawValue: number) else {
            throw .unsupported(
                "the compression \(Codec.others[number] ?? "number \(number)") of a Parquet file",
                instead: "write it again with zstd, snappy, gzip, LZ4_RAW or none")
        }
        self.codec = codec
        values = try chunk.required(chunk.integer(5), "a number of values")
        // A row group without rows has no pages, and its places may be anything.
        guard values > 0 else {
            (place, end) = (0, 0)
            return
        }
        let data = try chunk.required(chunk.integer(9), "the place of a column")
        // Some writers say 0 if there is no dictionary.
        let dictionary = chunk.integer(11).flatMap { $0 > 0 ? $0 : nil }
        place = min(data, dictionary ?? data)
        let size = try chunk.required(chunk.integer(7), "a column's size")
        guard place >= 4, size >= 0, size <= source.count - place else {
            throw .damaged("a column should end at byte \(place + max(size, 0)), and the file has \(source.count)")
        }
        end = place + size
    }

    /// Gives each row's text to `body`; returns how many rows there are.
    mutating func forEachText(_ body: (ArraySlice<UInt8>?) throws -> Void) throws -> Int {
        var given = 0
        while given < values {
            let (header, page) = try nextPage()
            guard let type = header.integer(1) else { throw Fault.damaged("a page has no type") }
            switch type {
            case 0:
                let facts = try header.required(header.structure(5), "a page's facts")
                given += try dataPage(facts, try decompressed(page, header), body)
            case 2:
                let facts = try header.required(header.structure(7), "a dictionary's facts")
                try readDictionary(facts, try decompressed(page, header))
            case 3:
                let facts = try header.required(header.structure(8), "a page's facts")
                given += try dataPageV2(facts, page, header, body)
            default: break  // An index, or a kind of page that later versions add: passed over, as the format asks.
            }
        }
        guard given == values else {
            throw Fault.damaged("a column should hold \(values) values, but its pages hold \(given)")
        }
        return given
    }

    private mutating func nextPage() throws(Fault) -> (header: ThriftStruct, page: ArraySlice<UInt8>) {
        guard place < end else { throw .damaged("a column ends before its \(values) values are all read") }
        // Headers take some dozens of bytes, or more with statistics of long texts.
        var length = 1 << 12
        while true {
            let bytes = try source.read(place..<min(place + length, end))
            var cursor = Cursor(bytes[...])
            let header: ThriftStruct
            do {
                header = try ThriftStruct(&cursor)
            } catch {
                guard place + length < end else { throw error }
                length *= 8
                continue
            }
            let size = try header.required(header.integer(3), "a page's size")
            let start = place + cursor.position
            guard size >= 0, size <= end - start else { throw .damaged("a page is longer than its column") }
            let page = try source.read(start..<start + size)
            if let checksum = header.integer(4),
                UInt32(truncatingIfNeeded: checksum) != CRC32.checksum(page[...])
            {
                throw .damaged("the checksum of a page is wrong")
            }
            place = start + size
            return (header, page[...])
        }
    }

    private func decompressed(_ page: ArraySlice<UInt8>, _ header: ThriftStruct) throws(Fault) -> ArraySlice<UInt8> {
        let size = try header.required(header.integer(2), "a page's size")
        return try decompressed(page, size: size)
    }

    private func decompressed(_ page: ArraySlice<UInt8>, size: Int) throws(Fault) -> ArraySlice<UInt8> {
        guard size >= 0, size <= Self.largestPage else { throw .damaged("a page claims a size of \(size) bytes") }
        // Some writers leave nothing at all if there are no bytes.
        if size == 0 { return [] }
        switch codec {
        case .none:
            guard page.count == size else { throw .damaged("a page has two different sizes") }
            return page
        case .snappy: return try CompressedBlock.snappy(page, size: size)[...]
        case .gzip: return try CompressedBlock.inflate(page, size: size)[...]
        case .zstd: return try CompressedBlock.zstd(page, size: size)[...]
        case .lz4: return try CompressedBlock.lz4(page, size: size)[...]
        }
    }

    private mutating func readDictionary(_ facts: ThriftStruct, _ page: ArraySlice<UInt8>) throws(Fault) {
        let count = try facts.required(facts.integer(1), "a dictionary's size")
        let encoding = facts.integer(2) ?? 0
        guard encoding == 0 || encoding == 2 else { throw ParquetEncoding.unsupported(encoding) }
        dictionary = try ParquetEncoding.plain(Cursor(page), count: count)
    }

    private func dataPage(
        _ facts: ThriftStruct, _ page: ArraySlice<UInt8>, _ body: (ArraySlice<UInt8>?) throws -> Void
    ) throws -> Int {
        let count = try facts.required(facts.integer(1), "a page's number of values")
        var cursor = Cursor(page)
        var isThere: [Bool]?
        if column.optionals > 0 {
            if let encoding = facts.integer(3), encoding != 3 { throw ParquetEncoding.unsupported(encoding) }
            let levels = try cursor.take(Int(try cursor.number(UInt32.self)))
            isThere = try self.isThere(levels, count: count)
        }
        return try give(count, isThere, facts.integer(2) ?? 0, cursor, body)
    }

    private func dataPageV2(
        _ facts: ThriftStruct, _ page: ArraySlice<UInt8>, _ header: ThriftStruct,
        _ body: (ArraySlice<UInt8>?) throws -> Void
    ) throws -> Int {
        let count = try facts.required(facts.integer(1), "a page's number of values")
        let (repetitions, definitions) = (facts.integer(6) ?? 0, facts.integer(5) ?? 0)
        // The levels stand before the values, and are never compressed.
        var cursor = Cursor(page)
        _ = try cursor.take(repetitions)
        let levels = try cursor.take(definitions)
        let size = try header.required(header.integer(2), "a page's size")
        guard (0...Self.largestPage).contains(size) else {
            throw Fault.damaged("a page claims a size of \(size) bytes")
        }
        let values =
            facts.bool(7) ?? true ? try decompressed(cursor.rest, size: size - repetitions - definitions) : cursor.rest
        let isThere = column.optionals > 0 ? try self.isThere(levels, count: count) : nil
        return try give(count, isThere, facts.integer(4) ?? 0, Cursor(values), body)
    }

    /// Which values are there: those that neither they nor a group around them is null.
    private func isThere(_ levels: ArraySlice<UInt8>, count: Int) throws(Fault) -> [Bool] {
        let width = Int.bitWidth - column.optionals.leadingZeroBitCount
        return try ParquetEncoding.hybrid(Cursor(levels), width: width, count: count).map { $0 == column.optionals }
    }

    private func give(
        _ count: Int, _ isThere: [Bool]?, _ encoding: Int, _ cursor: Cursor,
        _ body: (ArraySlice<UInt8>?) throws -> Void
    ) throws -> Int {
        guard count >= 0 else { throw Fault.damaged("a page holds \(count) values") }
        let present = isThere.map { $0.count { $0 } } ?? count
        let texts = try ParquetEncoding.texts(cursor, encoding: encoding, count: present, dictionary: dictionary)
        guard let isThere else {
            for text in texts { try body(text) }
            return count
        }
        var next = texts.startIndex
        for isThere in isThere {
            if isThere {
                try body(texts[next])
                next += 1
            } else {
                try body(nil)
            }
        }
        return count
    }
}
