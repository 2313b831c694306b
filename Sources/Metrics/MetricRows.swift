import Artifacts
import Foundation
import JSON

/// What a run has logged, step by step: the rows of its `metrics.jsonl`.
public enum MetricRows {
    /// A row that is none.
    public struct Damage: Error, CustomStringConvertible {
        /// The file, the line in it from 1, and what is wrong with that, as users read it.
        public let description: String
    }

    /// Reads a run's rows one by one, so a long history need not fit into memory.
    ///
    /// - Parameters:
    ///   - path: The file; a run that has not begun has none, which is no rows.
    ///   - body: Receives a row's step and its other numbers, as they are written, in the order of the file.
    /// - Throws: `FileError` for a file that can't be read, ``Damage`` for a row that is none, and what `body` throws.
    public static func forEach(
        in path: String, _ body: (_ step: Int, _ values: [(name: String, value: String)]) throws -> Void
    ) throws {
        // Does not wait for a pipe in its place.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0, let file = fdopen(descriptor, "r") else {
            guard errno == ENOENT else { throw FileError(.read, path) }
            return
        }
        defer { fclose(file) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw FileError(.read, path, reason: "it is not a regular file")
        }
        var buffer: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(buffer) }
        var line = 0
        while true {
            let length = getline(&buffer, &capacity, file)
            guard length > 0, let buffer else {
                guard ferror(file) == 0 else { throw FileError(.read, path) }
                return
            }
            line += 1
            let text = String(decoding: UnsafeRawBufferPointer(start: buffer, count: length), as: UTF8.self)
            // A row that a crash cut short, or that is being written, has no end.
            guard text.hasSuffix("\n") else { return }
            guard case .object(let members) = try row(text, path, line) else {
                throw Damage(description: "\(path):\(line): is not a row of metrics")
            }
            var (step, values): (Int?, [(String, String)]) = (nil, [])
            for member in members {
                guard case .number(let literal) = member.value else { continue }
                if member.name == Metric.step.name {
                    step = member.value.integer
                } else {
                    values.append((member.name, literal))
                }
            }
            if let step { try body(step, values) }
        }
    }

    private static func row(_ text: String, _ path: String, _ line: Int) throws(Damage) -> JSONValue {
        do { return try JSONValue(parsing: text) } catch {
            throw Damage(description: "\(path):\(line): is not a row of metrics: \(error)")
        }
    }
}
