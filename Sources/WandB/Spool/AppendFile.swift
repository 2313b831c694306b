import Artifacts
import Glibc

/// A file of lines that only grows, and whose last line is whole again after a crash.
struct AppendFile: ~Copyable {
    private let path: String
    private let descriptor: Int32
    /// Bytes that the disk did not take; they go first at the next attempt.
    private var pending: [UInt8] = []
    /// A run whose disk stays full loses new lines from here on, not its memory.
    private static let maximumPending = 64 << 20

    /// Opens or creates the file, and cuts off a last line that a crash left without its end.
    init(path: String) throws(SpoolError) {
        self.path = path
        var failure: FileError?
        descriptor = Self.open(path, &failure)
        if let failure { throw .cannotCreate(path: path, reason: failure.reason) }
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw .cannotRead(path: path, reason: SpoolError.systemReason) }
        let whole = try Self.endOfLastLine(descriptor, before: Int(size), path: path)
        if whole < size, ftruncate(descriptor, off_t(whole)) != 0 {
            throw .cannotWrite(path: path, reason: SpoolError.systemReason)
        }
    }

    /// Opens the file; without `throws`, because nothing is left half made if it is not copied.
    private static func open(_ path: String, _ failure: inout FileError?) -> Int32 {
        do throws(FileError) { return try DurableFile.openToAppend(path, isRead: true) } catch {
            failure = error
            return -1
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Appends one line, and first whatever is still owed.
    mutating func append(_ line: String) throws(SpoolError) {
        guard pending.count < Self.maximumPending else {
            throw .cannotWrite(
                path: path, reason: "more than \(Self.maximumPending >> 20) MiB wait for the disk")
        }
        pending.append(contentsOf: line.utf8)
        pending.append(UInt8(ascii: "\n"))
        try flush()
    }

    /// Writes what is still owed.
    mutating func flush() throws(SpoolError) {
        while !pending.isEmpty {
            let written = pending.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                throw .cannotWrite(path: path, reason: SpoolError.systemReason)
            }
            pending.removeFirst(written)
        }
    }

    /// The last line that satisfies `parse`, looked for from the end.
    func last<Value>(_ parse: (String) -> Value?) throws(SpoolError) -> Value? {
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw .cannotRead(path: path, reason: SpoolError.systemReason) }
        var end = Int(size)
        while end > 0 {
            let start = try Self.endOfLastLine(descriptor, before: end - 1, path: path)
            let bytes = try Self.read(descriptor, from: start, count: end - 1 - start, path: path)
            if let value = parse(String(decoding: bytes, as: UTF8.self)) { return value }
            end = start
        }
        return nil
    }

    /// The position after the last line feed before `end`, or 0.
    private static func endOfLastLine(_ descriptor: Int32, before end: Int, path: String) throws(SpoolError)
        -> Int
    {
        var end = end
        while end > 0 {
            let start = max(0, end - 65536)
            let bytes = try read(descriptor, from: start, count: end - start, path: path)
            if let index = bytes.lastIndex(of: UInt8(ascii: "\n")) { return start + index + 1 }
            end = start
        }
        return 0
    }

    private static func read(
        _ descriptor: Int32, from start: Int, count: Int, path: String
    ) throws(SpoolError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(start + filled))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw .cannotRead(path: path, reason: SpoolError.systemReason) }
            filled += got
        }
        return bytes
    }
}
