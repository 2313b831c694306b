import CLinux
import Foundation
import JSON
import Metrics

/// Why a file cannot be read.
struct FileTrouble: Error, CustomStringConvertible {
    let description: String

    /// What the system said last.
    init(path: String) { description = "cannot read \(path): \(String(cString: strerror(errno)))" }

    init(notPlain path: String) { description = "cannot read \(path): it is not a regular file" }
}

/// Extracts one metric from rows without parsing all the others.
///
/// A row is an object of numbers on a line, its step first: its text is looked through for the metric's name.
struct RowReader {
    private let name: [UInt8]
    private let stepName = Array("\"\(Metric.step.name)\":".utf8)
    private var buffer = [UInt8](repeating: 0, count: 1 << 20)

    init(metric: String) {
        var quoted = ""
        quoted.append("\"")
        for scalar in metric.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        name = Array((quoted + "\":").utf8)
    }

    /// The names of what a file's first row holds, but for the step; none for a run that has logged nothing yet.
    ///
    /// - Throws: ``FileTrouble``.
    static func names(in path: String) throws -> [String] {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard file >= 0 else {
            guard errno == ENOENT else { throw FileTrouble(path: path) }
            return []
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
        let count = pread(file, &bytes, bytes.count, 0)
        guard count >= 0 else { throw FileTrouble(path: path) }
        let line = Array(bytes[..<count].prefix { $0 != UInt8(ascii: "\n") })
        // A row that is being written, or is damaged, names nothing.
        guard case .object(let members)? = try? JSONValue(parsing: line) else { return [] }
        return members.map(\.name).filter { $0 != Metric.step.name }
    }

    /// Reads whole rows from a place of a file.
    ///
    /// - Returns: How many bytes they have: zero if only the beginning of a row is there, which may be being written.
    /// - Throws: ``FileTrouble``.
    mutating func read(_ file: Int32, at offset: Int, _ path: String, into curve: inout Curve) throws -> Int {
        while true {
            // One byte is kept for the zero that ends the text.
            let room = buffer.count - 1
            let count = buffer.withUnsafeMutableBytes { pread(file, $0.baseAddress, room, off_t(offset)) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileTrouble(path: path) }
            guard let end = buffer[..<count].lastIndex(of: UInt8(ascii: "\n")) else {
                guard count == room, buffer.count < 64 << 20 else { return 0 }
                // A row longer than the buffer.
                buffer = [UInt8](repeating: 0, count: 2 * buffer.count)
                continue
            }
            take(end + 1, into: &curve)
            return end + 1
        }
    }

    private mutating func take(_ count: Int, into curve: inout Curve) {
        let (name, stepName) = (name, stepName)
        buffer.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            var place = 0
            while place < count, let line = memchr(start + place, 0x0A, count - place) {
                let length = line - UnsafeMutableRawPointer(start + place)
                line.storeBytes(of: 0, as: UInt8.self)
                if let step = Self.number(stepName, start + place, length),
                    let value = Self.number(name, start + place, length),
                    step >= 0, step <= Double(Int32.max)
                {
                    curve.steps.append(Int32(step))
                    curve.values.append(value)
                }
                place += length + 1
            }
        }
    }

    /// The number behind a name in a line that ends in a zero.
    private static func number(_ name: [UInt8], _ line: UnsafeRawPointer, _ length: Int) -> Double? {
        guard let found = memmem(line, length, name, name.count) else { return nil }
        let text = UnsafeRawPointer(found) + name.count
        var end: UnsafeMutablePointer<CChar>?
        let value = strtod(text.assumingMemoryBound(to: CChar.self), &end)
        return end.map { UnsafeRawPointer($0) == text } ?? true ? nil : value
    }
}
