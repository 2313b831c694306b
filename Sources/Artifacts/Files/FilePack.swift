import Glibc

/// Several files as one: a zip archive whose entries are stored as they are, so any program opens it and any entry
/// can be read by its place alone.
///
/// The same entries give the same bytes. Entries are found by walking from one to the next: the first ones cost a few
/// hundred bytes of reading however large the pack is.
/// Format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>
public struct FilePack: Sendable {
    /// A file in a pack.
    public struct Entry: Sendable, Equatable {
        /// Its name; folders are parted by `/`.
        public let name: String
        /// Where its bytes stand in the pack.
        public let place: Range<Int>
        fileprivate let crc: UInt32
    }

    private let path: String
    /// The files, in the order in which they were packed.
    public let entries: [Entry]

    /// Packs files, which appear as one or not at all.
    ///
    /// - Parameters:
    ///   - files: Their names and bytes.
    ///   - path: The pack.
    ///   - flush: What of it has to outlast a power cut.
    /// - Returns: The pack.
    /// - Throws: `FileError`, also where the files are too many or too large for a plain zip archive.
    @discardableResult
    public static func write(
        _ files: [(name: String, bytes: [UInt8])], to path: String, flush: DurableFile.Flush = .contentsAndName
    ) throws(FileError) -> FilePack {
        let size = files.reduce(0) { $0 + $1.bytes.count + 2 * ($1.name.utf8.count + 64) }
        guard files.count < 0xFFFF, size < 0xFFFF_FFFF, files.allSatisfy({ $0.name.utf8.count < 0xFFFF }) else {
            throw FileError(.write, path, reason: "\(files.count) files of \(size) bytes are too many for one archive")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        var directory: [UInt8] = []
        var entries: [Entry] = []
        for file in files {
            let start = bytes.count
            let name = Array(file.name.utf8)
            let crc = CRC32.checksum(file.bytes[...])
            let head = Head(crc: crc, size: file.bytes.count, nameLength: name.count)
            bytes.add(Head.signature)
            bytes += head.bytes + name
            entries.append(Entry(name: file.name, place: bytes.count..<bytes.count + file.bytes.count, crc: crc))
            bytes += file.bytes
            directory.add(0x0201_4B50 as UInt32)
            // Made on Unix, so the mode at the end, a file anybody may read, is heeded.
            directory.add(3 << 8 | Head.version)
            directory += head.bytes
            directory += [UInt8](repeating: 0, count: 6)
            directory.add(0o100644 << 16 as UInt32)
            directory.add(UInt32(start))
            directory += name
        }
        let directoryStart = bytes.count
        bytes += directory
        bytes.add(0x0605_4B50 as UInt32)
        bytes.add(0 as UInt32)
        bytes.add(UInt16(files.count))
        bytes.add(UInt16(files.count))
        bytes.add(UInt32(directory.count))
        bytes.add(UInt32(directoryStart))
        bytes.add(0 as UInt16)
        try DurableFile.write(bytes, to: path, flush: flush)
        return FilePack(path: path, entries: entries)
    }

    private init(path: String, entries: [Entry]) {
        self.path = path
        self.entries = entries
    }

    /// Opens a pack.
    ///
    /// - Parameters:
    ///   - path: The pack.
    ///   - last: The name of the last entry that matters; nil for all.
    /// - Throws: `FileError`, also for a file that was not written by `write`.
    public init(contentsOf path: String, upTo last: String? = nil) throws(FileError) {
        let file = try Reading(path)
        var entries: [Entry] = []
        var position = 0
        while last == nil || entries.last?.name != last {
            // The end alone, of a pack of nothing, is shorter than a head.
            var cursor = ByteCursor(try file.bytes(position..<position + 22)[...])
            let signature = cursor.number(UInt32.self)
            if signature == 0x0201_4B50 || (signature == 0x0605_4B50 && entries.isEmpty) { break }
            guard signature == Head.signature else {
                throw FileError(.read, path, reason: "it is damaged, or not an archive of this program")
            }
            cursor = ByteCursor(try file.bytes(position + 4..<position + Head.offset)[...])
            guard let head = Head(&cursor) else {
                throw FileError(.read, path, reason: "it is damaged, or not an archive of this program")
            }
            let place = position + Head.offset..<position + Head.offset + head.nameLength
            let name = String(decoding: try file.bytes(place), as: UTF8.self)
            position = place.upperBound + head.size
            entries.append(Entry(name: name, place: place.upperBound..<position, crc: head.crc))
        }
        self.init(path: path, entries: entries)
    }

    /// A file's bytes, checked; nil if the pack has no such file.
    ///
    /// - Throws: `FileError`, also where they are not what was packed.
    public func bytes(of name: String) throws(FileError) -> [UInt8]? {
        guard let entry = entries.last(where: { $0.name == name }) else { return nil }
        return try bytes(of: entry)
    }

    /// A file's bytes, checked.
    ///
    /// - Throws: `FileError`, also where they are not what was packed.
    public func bytes(of entry: Entry) throws(FileError) -> [UInt8] {
        let bytes = try Reading(path).bytes(entry.place)
        guard CRC32.checksum(bytes[...]) == entry.crc else {
            throw FileError(.read, path, reason: "the checksum of \(entry.name) is wrong")
        }
        return bytes
    }

    /// The bytes of a file between two places.
    ///
    /// - Throws: `FileError`, also where it ends before.
    public static func bytes(_ place: Range<Int>, of path: String) throws(FileError) -> [UInt8] {
        try Reading(path).bytes(place)
    }
}

/// What comes before an entry's name, except for the signature.
private struct Head {
    static let signature: UInt32 = 0x0403_4B50
    static let version: UInt16 = 20
    /// The bytes before the name.
    static let offset = 30

    let crc: UInt32
    let size: Int
    let nameLength: Int

    init(crc: UInt32, size: Int, nameLength: Int) {
        self.crc = crc
        self.size = size
        self.nameLength = nameLength
    }

    /// Reads one that `bytes` wrote; nil for any other.
    init?(_ cursor: inout ByteCursor) {
        guard cursor.number(UInt16.self) == Self.version, cursor.number(UInt16.self) == Self.namesAreUTF8,
            cursor.number(UInt16.self) == 0, cursor.take(4) != nil, let crc = cursor.number(UInt32.self),
            let stored = cursor.size(UInt32.self), let size = cursor.size(UInt32.self), stored == size,
            let nameLength = cursor.size(UInt16.self), cursor.number(UInt16.self) == 0
        else { return nil }
        self.init(crc: crc, size: size, nameLength: nameLength)
    }

    private static let namesAreUTF8: UInt16 = 1 << 11

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.add(Self.version)
        bytes.add(Self.namesAreUTF8)
        // Stored as it is, on the first of January 1980: the same files give the same pack.
        bytes.add(0 as UInt16)
        bytes.add(0x0021_0000 as UInt32)
        bytes.add(crc)
        bytes.add(UInt32(size))
        bytes.add(UInt32(size))
        bytes.add(UInt16(nameLength))
        bytes.add(0 as UInt16)
        return bytes
    }
}

extension [UInt8] {
    fileprivate mutating func add(_ number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}

/// A file that is read at places.
private struct Reading: ~Copyable {
    private let path: String
    private let descriptor: Int32

    init(_ path: String) throws(FileError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError(.read, path) }
    }

    deinit { close(descriptor) }

    func bytes(_ place: Range<Int>) throws(FileError) -> [UInt8] {
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw FileError(.read, path) }
        guard place.upperBound <= Int(info.st_size) else {
            throw FileError(.read, path, reason: "it ends early; it may have been copied in part")
        }
        var bytes = [UInt8](repeating: 0, count: place.count)
        var filled = 0
        while filled < bytes.count {
            let got = bytes.withUnsafeMutableBytes { bytes in
                uninterrupted {
                    pread(
                        descriptor, bytes.baseAddress.map { $0 + filled }, bytes.count - filled,
                        off_t(place.lowerBound + filled))
                }
            }
            guard got > 0 else { throw FileError(.read, path) }
            filled += got
        }
        return bytes
    }
}
