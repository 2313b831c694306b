import Artifacts
import Foundation

/// Which lines of logs are wanted.
package struct LogFilter {
    private let pattern: Regex<AnyRegexOutput>?
    /// How many of the last ones; nil for all.
    package let last: Int?

    /// Reads the options.
    ///
    /// - Parameters:
    ///   - pattern: A regular expression that lines must match somewhere.
    ///   - last: How many of the last ones; nil for all.
    /// - Throws: ``Failure`` for a pattern that is none.
    package init(matching pattern: String?, last: Int?) throws(Failure) {
        do {
            self.pattern = try pattern.map { try Regex($0) }
        } catch {
            throw .badInput("--grep '\(pattern ?? "")' is not a regular expression: \(error)")
        }
        self.last = last
    }

    /// Whether every line is wanted.
    package var isNone: Bool { pattern == nil && last == nil }

    func takes(_ line: Substring) -> Bool {
        guard let pattern else { return true }
        do { return try pattern.firstMatch(in: line) != nil } catch { return false }
    }

    /// The lines that are wanted, of all.
    func lastOnes<T>(_ lines: [T]) -> [T] { last.map { lines.suffix($0) } ?? lines }
}

/// What has been appended to a log since the last look, line by line.
package struct LogTail {
    /// Who has said it.
    package let name: String
    fileprivate let path: String
    private var offset: UInt64 = 0
    private var rest = Data()
    /// When the line before was said: lines without their own moment were said then.
    private var moment = ""

    /// A line and when it was said.
    package struct Line {
        let name: String
        let moment: String
        let text: Substring
    }

    /// So much of a log's end is read when only its last lines are wanted.
    private static let enough: UInt64 = 1 << 22

    /// Looks at a file that need not be there yet.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - name: Who writes it.
    ///   - endOnly: Whether to begin so far before its end that its last lines are seen.
    package init(of path: String, by name: String, endOnly: Bool) {
        (self.path, self.name) = (path, name)
        var info = stat()
        guard endOnly, stat(path, &info) == 0, info.st_size > Self.enough else { return }
        offset = UInt64(info.st_size) - Self.enough
    }

    /// The whole lines that have come, those first that came first.
    ///
    /// - Throws: ``Failure`` for a file that can't be read.
    package mutating func next(_ filter: LogFilter) throws(Failure) -> [Line] {
        guard !FolderListing.isMissing(path) else { return [] }
        var lines: [Line] = []
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }
            let isCut = offset > 0 && rest.isEmpty && moment.isEmpty
            // A file that was cut short is read again.
            if try file.seekToEnd() < offset { offset = 0 }
            try file.seek(toOffset: offset)
            while let part = try file.read(upToCount: 1 << 20), !part.isEmpty {
                offset += UInt64(part.count)
                rest += part
                take(filter, into: &lines)
            }
            // The first line of a file's end is only part of one.
            if isCut, !lines.isEmpty { lines.removeFirst() }
        } catch {
            throw .failed("cannot read \(path): \(error.localizedDescription)")
        }
        return lines
    }

    private mutating func take(_ filter: LogFilter, into lines: inout [Line]) {
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return }
        let text = String(decoding: rest[..<end], as: UTF8.self)
        rest = rest[(end + 1)...]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let stamp = Self.moment(of: line) { moment = stamp }
            if filter.takes(line) { lines.append(Line(name: name, moment: moment, text: line)) }
        }
    }

    /// `2026-01-31T12:00:00Z`, by which lines of several logs are ordered.
    private static func moment(of line: Substring) -> String? {
        let stamp = line.utf8.prefix(20)
        guard stamp.count == 20, stamp.last == UInt8(ascii: "Z"), stamp.first.map({ $0 <= UInt8(ascii: "9") }) == true
        else { return nil }
        return String(stamp)
    }
}

/// The logs of all of a job's agents as one, in the order in which things were said.
package struct MergedLog {
    private var tails: [LogTail]
    private let filter: LogFilter
    private let isNamed: Bool
    private let width: Int

    /// Puts logs together.
    ///
    /// - Parameters:
    ///   - files: Each agent's name and log.
    ///   - isNamed: Whether each line follows the name of who has said it.
    ///   - filter: Which lines are wanted; the last ones are those of all together.
    package init(_ files: [(name: String, path: String)], isNamed: Bool, _ filter: LogFilter) {
        let endOnly = filter.last != nil
        tails = files.map { LogTail(of: $0.path, by: $0.name, endOnly: endOnly) }
        self.filter = filter
        self.isNamed = isNamed
        width = files.map(\.name.count).max() ?? 0
    }

    /// Whether any of the logs is there.
    package var isThere: Bool { tails.contains { !FolderListing.isMissing($0.path) } }

    /// Which are not there, in words.
    package var missing: String {
        guard let first = tails.first else { return "no agent of it has started" }
        return tails.count == 1
            ? "\(first.path) is missing" : "\(first.path) and \(tails.count - 1) more logs are missing"
    }

    /// The lines that were said since the last look, each behind its agent's name.
    ///
    /// - Parameter isFirst: Whether only the last ones of them are wanted.
    /// - Returns: The lines.
    /// - Throws: ``Failure`` for a file that can't be read.
    package mutating func next(isFirst: Bool = false) throws(Failure) -> [String] {
        var lines: [LogTail.Line] = []
        for index in tails.indices {
            let new = try tails[index].next(filter)
            // Of each log no more can be among the last ones of all.
            lines += isFirst ? filter.lastOnes(new) : new
        }
        let ordered = lines.enumerated().sorted { a, b in
            (a.element.moment, a.offset) < (b.element.moment, b.offset)
        }.map(\.element)
        return (isFirst ? filter.lastOnes(ordered) : ordered).map { line in
            isNamed
                ? line.name + String(repeating: " ", count: max(0, width - line.name.count)) + "  " + line.text
                : String(line.text)
        }
    }

    /// Takes in agents that have come since.
    package mutating func add(_ files: [(name: String, path: String)]) {
        let known = Set(tails.map(\.name))
        tails += files.filter { !known.contains($0.name) }.map { LogTail(of: $0.path, by: $0.name, endOnly: false) }
    }
}
