/// How a page's values are written.
///
/// Format: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>
enum ParquetEncoding {
    private static let names = [
        4: "BIT_PACKED", 5: "DELTA_BINARY_PACKED", 9: "BYTE_STREAM_SPLIT",
    ]

    /// No writer puts more values into a page; a few bytes can claim any number of nulls or empty texts.
    private static let mostValues = 1 << 26

    static func unsupported(_ encoding: Int) -> Fault {
        .unsupported(
            "the encoding \(names[encoding] ?? "number \(encoding)") of a Parquet page",
            instead: "write the file again with plain or dictionary encoding")
    }

    /// `count` texts of a data page.
    static func texts(
        _ cursor: Cursor, encoding: Int, count: Int, dictionary: [ArraySlice<UInt8>]?
    ) throws(Fault) -> [ArraySlice<UInt8>] {
        switch encoding {
        case 0: return try plain(cursor, count: count)
        case 2, 8:
            if count == 0 { return [] }
            guard let dictionary else { throw .damaged("a page needs a dictionary, and there is none") }
            var cursor = cursor
            let width = Int(try cursor.byte())
            let indices = try hybrid(cursor, width: width, count: count)
            var texts: [ArraySlice<UInt8>] = []
            texts.reserveCapacity(count)
            for index in indices {
                guard index < dictionary.count else {
                    throw .damaged("a page names entry \(index) of a dictionary of \(dictionary.count)")
                }
                texts.append(dictionary[index])
            }
            return texts
        case 6:
            var cursor = cursor
            let lengths = try deltas(&cursor, count: count)
            return try cut(&cursor, lengths)
        case 7:
            var cursor = cursor
            let prefixes = try deltas(&cursor, count: count)
            let suffixes = try cut(&cursor, try deltas(&cursor, count: count))
            var texts: [ArraySlice<UInt8>] = []
            texts.reserveCapacity(count)
            var last: ArraySlice<UInt8> = []
            for (prefix, suffix) in zip(prefixes, suffixes) {
                guard prefix >= 0, prefix <= last.count else {
                    throw .damaged("a text shares \(prefix) bytes with one of \(last.count)")
                }
                last = prefix == 0 ? suffix : last.prefix(prefix) + suffix
                texts.append(last)
            }
            return texts
        default: throw unsupported(encoding)
        }
    }

    /// Texts with their length before them.
    static func plain(_ cursor: Cursor, count: Int) throws(Fault) -> [ArraySlice<UInt8>] {
        var cursor = cursor
        guard count >= 0, count <= cursor.rest.count / 4 else {
            throw .damaged("a page holds fewer texts than it says")
        }
        var texts: [ArraySlice<UInt8>] = []
        texts.reserveCapacity(count)
        for _ in 0..<count { texts.append(try cursor.take(Int(try cursor.number(UInt32.self)))) }
        return texts
    }

    private static func cut(_ cursor: inout Cursor, _ lengths: [Int]) throws(Fault) -> [ArraySlice<UInt8>] {
        var texts: [ArraySlice<UInt8>] = []
        texts.reserveCapacity(lengths.count)
        for length in lengths { texts.append(try cursor.take(length)) }
        return texts
    }

    /// Small numbers of `width` bits, in runs of one value or packed by eights.
    static func hybrid(_ cursor: Cursor, width: Int, count: Int) throws(Fault) -> [Int] {
        guard width <= 32 else { throw .damaged("a page's numbers have \(width) bits") }
        var cursor = cursor
        var numbers: [Int] = []
        guard (0...mostValues).contains(count) else { throw .damaged("a page holds \(count) values") }
        numbers.reserveCapacity(count)
        while numbers.count < count {
            let header = try cursor.count()
            let wanted = count - numbers.count
            if header & 1 == 0 {
                let bytes = try cursor.take((width + 7) / 8)
                let value = bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
                let run = header >> 1
                guard run > 0 else { throw .damaged("a run in a page is empty") }
                numbers.append(contentsOf: repeatElement(value, count: min(run, wanted)))
            } else {
                let groups = header >> 1
                guard groups > 0, groups <= cursor.rest.count + 1 else { throw .damaged("a run in a page is too long") }
                // The last group may be cut off where its numbers are not needed.
                let bytes = try cursor.take(min(groups * width, cursor.rest.count))
                guard bytes.count * 8 >= min(groups * 8, wanted) * width else {
                    throw .damaged("a run in a page is cut off")
                }
                unpack(bytes, width: width, count: min(groups * 8, wanted), into: &numbers)
            }
        }
        return numbers
    }

    /// Numbers of `width` bits one after another, lowest bit first.
    private static func unpack(_ bytes: ArraySlice<UInt8>, width: Int, count: Int, into numbers: inout [Int]) {
        var (buffer, bits, next) = (UInt64(0), 0, bytes.startIndex)
        let mask = width == 64 ? UInt64.max : (UInt64(1) << UInt64(width)) - 1
        for _ in 0..<count {
            while bits < width {
                buffer |= UInt64(bytes[next]) << UInt64(bits)
                next += 1
                bits += 8
            }
            numbers.append(Int(truncatingIfNeeded: buffer & mask))
            buffer >>= UInt64(width)
            bits -= width
        }
    }

    /// DELTA_BINARY_PACKED: lengths as differences, in blocks of miniblocks that each have their own width.
    private static func deltas(_ cursor: inout Cursor, count: Int) throws(Fault) -> [Int] {
        let (block, miniblocks) = (try cursor.count(), try cursor.count())
        let total = try cursor.count()
        var value = try cursor.zigzag()
        guard total == count, count <= mostValues else {
            throw .damaged("a page holds \(total) lengths for \(count) texts")
        }
        guard miniblocks > 0, miniblocks <= 1 << 10, block > 0, block <= 1 << 20, block % miniblocks == 0,
            block / miniblocks % 8 == 0
        else { throw .damaged("a page's lengths are in blocks of \(block)") }
        var lengths: [Int] = []
        func append(_ value: Int64) throws(Fault) {
            guard value >= 0, value <= Int32.max else { throw .damaged("a text has the length \(value)") }
            lengths.append(Int(value))
        }
        if total > 0 { try append(value) }
        let size = block / miniblocks
        while lengths.count < total {
            let least = try cursor.zigzag()
            let widths = try cursor.take(miniblocks)
            for width in widths where lengths.count < total {
                guard width <= 56 else { throw .damaged("a page's lengths have \(width) bits") }
                var differences: [Int] = []
                unpack(try cursor.take(size * Int(width) / 8), width: Int(width), count: size, into: &differences)
                for difference in differences where lengths.count < total {
                    value = value &+ least &+ Int64(difference)
                    try append(value)
                }
            }
        }
        return lengths
    }
}
