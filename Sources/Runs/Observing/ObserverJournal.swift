import Artifacts
import Foundation
import JSON

/// What an observer was asked and what it answered, one line each: a run that continues asks for no step twice.
///
/// A question is written down before it is put. One that a crash has left without an answer stays without one: the
/// observer may have acted on it.
final class ObserverJournal {
    /// What is known about a step.
    enum Entry {
        case asked
        case answered(JSONValue, seconds: Double)
    }

    private var entries: [Int: Entry] = [:]
    private let descriptor: Int32
    private let path: String

    /// Opens a journal, new or again.
    ///
    /// - Throws: `FileError`.
    init(path: String) throws(FileError) {
        self.path = path
        let bytes = access(path, F_OK) == 0 ? try DurableFile.read(path, limit: 1 << 30) : []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            // The last line may have been cut short by a crash.
            guard let value = try? JSONValue(parsing: Array(line)) else { continue }
            if let step = value["asked"]?.integer { entries[step] = entries[step] ?? .asked }
            if let step = value["step"]?.integer, let answer = value["answer"] {
                entries[step] = .answered(answer, seconds: value["seconds"]?.double ?? 0)
            }
        }
        descriptor = try DurableFile.openToAppend(path)
        if let last = bytes.last, last != UInt8(ascii: "\n") { try append("\n") }
    }

    deinit { close(descriptor) }

    /// What is known about a step; nil for one that was never asked about.
    func entry(of step: Int) -> Entry? { entries[step] }

    /// Writes down that a question is about to be put.
    ///
    /// - Throws: `FileError`; the question must not be put then.
    func ask(_ step: Int) throws(FileError) { try append("{\"asked\":\(step)}\n") }

    /// Writes down an answer.
    ///
    /// - Throws: `FileError`.
    func answer(_ step: Int, _ answer: JSONValue, seconds: Double) throws(FileError) {
        let line: JSONValue = ["step": .number(step), "seconds": .number(seconds), "answer": answer]
        try append(line.text + "\n")
    }

    private func append(_ line: String) throws(FileError) {
        try DurableFile.writeAll(line.utf8, to: descriptor, path)
    }
}
