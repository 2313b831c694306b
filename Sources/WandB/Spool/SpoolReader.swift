import Glibc
import JSON

/// Reads one of a folder's append-only files as it grows, line by line.
///
/// Which lines count depends on the file's bytes alone, so every process numbers them alike: torn or
/// oversized lines do not count, nor do history rows whose `_step` does not grow.
struct SpoolReader {
    /// A line that counts.
    struct Line {
        let text: String
        /// The parsed row, but for output.
        let row: JSONValue?
    }

    /// W&B drops longer lines.
    static let maximumLineBytes = (10 << 20) - (100 << 10)

    let stream: SpoolFolder.Stream
    private let path: String
    private var position = 0
    private var partial: [UInt8] = []
    private var lines: [Line] = []
    private var firstIndex = 0
    private var lastStep: Int?
    /// How many lines were taken.
    private(set) var taken = 0

    init(folder: SpoolFolder, stream: SpoolFolder.Stream) {
        self.stream = stream
        path = folder.path(of: stream)
    }

    /// The next line, if the file has one by now.
    mutating func peek() throws(SpoolError) -> Line? {
        if firstIndex == lines.count { try refill() }
        return firstIndex < lines.count ? lines[firstIndex] : nil
    }

    /// Moves on to the line after the one that `peek` gave.
    mutating func take() {
        guard firstIndex < lines.count else { return }
        firstIndex += 1
        taken += 1
    }

    /// Reads until there is a line or the file ends.
    private mutating func refill() throws(SpoolError) {
        lines.removeAll(keepingCapacity: true)
        firstIndex = 0
        // Opened again each time: NFS looks for another machine's writes when a file is opened.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return }
            throw .cannotRead(path: path, reason: SpoolError.systemReason)
        }
        defer { close(descriptor) }
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        while lines.isEmpty {
            let count = chunk.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress, $0.count, off_t(position))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .cannotRead(path: path, reason: SpoolError.systemReason)
            }
            // An unfinished line is read again next time: a reopening writer may cut it off.
            if count == 0 {
                position -= partial.count
                partial.removeAll()
                return
            }
            position += count
            var start = 0
            while let end = Self.lineFeed(in: chunk, from: start, to: count) {
                partial.append(contentsOf: chunk[start..<end])
                start = end + 1
                if let line = parse(partial) { lines.append(line) }
                partial.removeAll(keepingCapacity: true)
            }
            partial.append(contentsOf: chunk[start..<count])
        }
    }

    private static func lineFeed(in bytes: [UInt8], from start: Int, to end: Int) -> Int? {
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, start < end,
                let found = memchr(base + start, Int32(UInt8(ascii: "\n")), end - start)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    private mutating func parse(_ bytes: [UInt8]) -> Line? {
        guard bytes.count <= Self.maximumLineBytes else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        switch stream {
        case .output:
            return Line(text: text, row: nil)
        case .events, .files, .history:
            guard let row = try? JSONValue(parsing: bytes), case .object = row else { return nil }
            guard stream == .history else { return Line(text: text, row: row) }
            guard let step = row["_step"]?.integer, step > lastStep ?? Int.min else { return nil }
            lastStep = step
            return Line(text: text, row: row)
        }
    }
}
