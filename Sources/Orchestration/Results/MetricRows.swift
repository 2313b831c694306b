import Artifacts
import Foundation
import JSON
import Metrics
import Store

/// What runs have logged, step by step.
enum MetricRows {
    /// The rows of a run that has begun; none of one that has not.
    static func forEach(
        of run: Run, _ body: (_ step: Int, _ values: [(name: String, value: String)]) throws -> Void
    ) throws {
        let path = run.folder.metrics
        guard let file = fopen(path, "r") else {
            guard errno == ENOENT else { throw FileError(.read, path) }
            return
        }
        defer { fclose(file) }
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
                throw Failure.failed("\(path):\(line): is not a row of metrics")
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

    private static func row(_ text: String, _ path: String, _ line: Int) throws(Failure) -> JSONValue {
        do { return try JSONValue(parsing: text) } catch {
            throw .failed("\(path):\(line): is not a row of metrics: \(error)")
        }
    }
}
