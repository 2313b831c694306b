/// A zip archive, zip64 or not, whose entries can be read if they are stored as they are, as torch.save stores them.
///
/// Everything is checked against the archive's size before it is used, and entries may not overlap.
/// Format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>
struct ZipArchive {
    private struct Entry {
        let isStored: Bool
        let crc: UInt32
        let contents: ArraySlice<UInt8>
    }

    private let entries: [String: Entry]

    /// The paths of the entries.
    var names: some Collection<String> { entries.keys }

    /// Reads the directory of an archive.
    init(_ bytes: [UInt8]) throws(TorchFile.Fault) {
        guard bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) else {
            throw .damaged("it does not begin as a zip archive does")
        }
        let directory = try Directory(bytes)
        var entries: [String: Entry] = [:]
        var used: [Range<Int>] = []
        var cursor = ByteCursor(bytes[directory.range])
        while !cursor.isAtEnd {
            let header = try DirectoryHeader(&cursor)
            let (range, contents) = try Self.place(of: header, in: bytes[..<directory.range.lowerBound])
            used.append(range)
            let entry = Entry(isStored: header.isStored, crc: header.crc, contents: bytes[contents])
            guard entries.updateValue(entry, forKey: header.name) == nil else {
                throw .damaged("it holds \(readable(header.name)) twice")
            }
        }
        guard entries.count == directory.count else {
            throw .damaged("its directory should list \(directory.count) entries, but lists \(entries.count)")
        }
        used.sort { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        for (one, next) in zip(used, used.dropFirst()) where one.upperBound > next.lowerBound {
            throw .damaged("its entries overlap")
        }
        self.entries = entries
    }

    /// An entry's bytes, once their checksum is found right; nil if there is no such entry.
    func contents(of name: String) throws(TorchFile.Fault) -> ArraySlice<UInt8>? {
        guard let entry = entries[name] else { return nil }
        guard entry.isStored else {
            throw .unsuitable(
                "the entry \(readable(name)) is compressed or encrypted, which torch.save never does; "
                    + "load it in Python and save it again")
        }
        guard CRC32.checksum(entry.contents) == entry.crc else {
            throw .damaged("the checksum of \(readable(name)) is wrong")
        }
        return entry.contents
    }

    /// Where an entry lies with its header, and where its contents do.
    private static func place(
        of header: DirectoryHeader, in bytes: ArraySlice<UInt8>
    ) throws(TorchFile.Fault) -> (entry: Range<Int>, contents: Range<Int>) {
        let fault = TorchFile.Fault.damaged("the entry \(readable(header.name)) is not where the directory says")
        guard header.offset <= bytes.count else { throw fault }
        var cursor = ByteCursor(bytes[header.offset...])
        guard cursor.number(UInt32.self) == 0x0403_4B50, cursor.take(22) != nil,
            let nameLength = cursor.size(UInt16.self), let extraLength = cursor.size(UInt16.self),
            let name = cursor.take(nameLength), name.elementsEqual(header.name.utf8),
            cursor.take(extraLength) != nil, let contents = cursor.take(header.size)
        else { throw fault }
        return (header.offset..<contents.endIndex, contents.indices)
    }
}

// MARK: The directory

/// Where the list of entries lies, according to the archive's last bytes.
private struct Directory {
    let range: Range<Int>
    let count: Int

    private static let endSize = 22
    private static let locatorSize = 20

    init(_ bytes: [UInt8]) throws(TorchFile.Fault) {
        // torch.save ends its files with this record; what comes after it is a sign of damage.
        let end = bytes.count - Self.endSize
        guard end >= 0, var found = Self.ending(bytes[end...]) else {
            throw .damaged("its end is missing; it may have been copied or downloaded in part")
        }
        var limit = end
        if end >= Self.locatorSize {
            var locator = ByteCursor(bytes[(end - Self.locatorSize)..<end])
            if locator.number(UInt32.self) == 0x0706_4B50 {
                guard locator.number(UInt32.self) == 0, let offset = locator.size(UInt64.self),
                    offset <= end - Self.locatorSize, let larger = Self.ending64(bytes[offset..<end])
                else { throw .damaged("its zip64 end is not where it says") }
                (found, limit) = (larger, offset)
            }
        }
        guard found.offset <= limit, found.size <= limit - found.offset else {
            throw .damaged("its directory is not where it says")
        }
        range = found.offset..<found.offset + found.size
        count = found.count
    }

    private typealias Ending = (count: Int, size: Int, offset: Int)

    private static func ending(_ bytes: ArraySlice<UInt8>) -> Ending? {
        var cursor = ByteCursor(bytes)
        guard cursor.number(UInt32.self) == 0x0605_4B50, cursor.take(6) != nil,
            let count = cursor.size(UInt16.self), let size = cursor.size(UInt32.self),
            let offset = cursor.size(UInt32.self), cursor.number(UInt16.self) == 0
        else { return nil }
        return (count, size, offset)
    }

    private static func ending64(_ bytes: ArraySlice<UInt8>) -> Ending? {
        var cursor = ByteCursor(bytes)
        guard cursor.number(UInt32.self) == 0x0606_4B50, cursor.take(28) != nil,
            let count = cursor.size(UInt64.self), let size = cursor.size(UInt64.self),
            let offset = cursor.size(UInt64.self)
        else { return nil }
        return (count, size, offset)
    }
}

/// What the directory says about one entry.
private struct DirectoryHeader {
    let name: String
    /// Neither compressed nor encrypted.
    let isStored: Bool
    let crc: UInt32
    /// The bytes that it takes in the archive.
    let size: Int
    let offset: Int

    init(_ cursor: inout ByteCursor) throws(TorchFile.Fault) {
        guard cursor.number(UInt32.self) == 0x0201_4B50, cursor.take(4) != nil,
            let flags = cursor.number(UInt16.self), let method = cursor.number(UInt16.self),
            cursor.take(4) != nil, let crc = cursor.number(UInt32.self),
            let storedSize = cursor.number(UInt32.self), let size = cursor.number(UInt32.self),
            let nameLength = cursor.size(UInt16.self), let extraLength = cursor.size(UInt16.self),
            let commentLength = cursor.size(UInt16.self), cursor.take(8) != nil,
            let offset = cursor.number(UInt32.self), let nameBytes = cursor.take(nameLength),
            let extra = cursor.take(extraLength), cursor.take(commentLength) != nil,
            let name = String(validating: nameBytes, as: UTF8.self)
        else { throw .damaged("its directory is malformed") }
        isStored = method == 0 && flags & 1 == 0
        let wide = try Self.wideNumbers([size, storedSize, offset], extra, name: name)
        guard !isStored || wide[0] == wide[1] else {
            throw .damaged("the entry \(readable(name)) has two different sizes")
        }
        (self.name, self.crc, self.size, self.offset) = (name, crc, wide[1], wide[2])
    }

    /// Numbers with those that do not fit 32 bits taken from the zip64 field, where they stand in the same order.
    private static func wideNumbers(
        _ numbers: [UInt32], _ extra: ArraySlice<UInt8>, name: String
    ) throws(TorchFile.Fault) -> [Int] {
        let fault = TorchFile.Fault.damaged("the entry \(readable(name)) has a malformed zip64 field")
        guard numbers.contains(.max) else { return numbers.map { Int($0) } }
        var fields = ByteCursor(extra)
        while let id = fields.number(UInt16.self), let length = fields.size(UInt16.self) {
            guard let field = fields.take(length) else { throw fault }
            guard id == 1 else { continue }
            var cursor = ByteCursor(field)
            var wide: [Int] = []
            for number in numbers {
                guard let value = number == .max ? cursor.size(UInt64.self) : Int(number) else { throw fault }
                wide.append(value)
            }
            return wide
        }
        throw fault
    }
}
