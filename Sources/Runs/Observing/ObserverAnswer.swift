import Foundation
import JSON
import Kernels
import Metrics
import WandB

/// An observer's answer for a step, as far as it is usable.
struct ObserverAnswer {
    private(set) var numbers: [NamedNumber] = []
    private(set) var media: [(name: String, medium: Media)] = []
    /// Files to send: their paths, and what they are called.
    private(set) var files: [(name: String, path: String)] = []
    /// What could not be used, each with a key so that it is reported once.
    private(set) var complaints: [(key: String, text: String)] = []

    private static let limits = (metrics: 2000, rows: 10_000, file: 256 << 20)

    /// Reads an answer.
    ///
    /// - Parameters:
    ///   - value: The answer.
    ///   - folder: The observer's folder, in which its files are.
    init(_ value: JSONValue, folder: String) {
        if let text = value["error"]?.string { complain("error", "says: \(text.prefix(300))") }
        let metrics = members(value, "metrics")
        for (name, number) in metrics.prefix(Self.limits.metrics) { take(name, number) }
        if metrics.count > Self.limits.metrics {
            complain("metrics", "gave \(metrics.count) metrics; the first \(Self.limits.metrics) are logged")
        }
        for (name, table) in members(value, "tables") { take(name, table: table) }
        for (name, histogram) in members(value, "histograms") { take(name, histogram: histogram) }
        for (name, file) in members(value, "files") { take(name, file: file, in: folder) }
    }

    private mutating func complain(_ key: String, _ text: String) { complaints.append((key, text)) }

    private mutating func members(_ value: JSONValue, _ key: String) -> [(String, JSONValue)] {
        switch value[key] {
        case nil, .null?: return []
        case .object(let members)?:
            let unfit = members.map(\.name).filter { !Self.isName($0) }
            if !unfit.isEmpty {
                let some = unfit.prefix(3).map { "'\($0.prefix(60))'" }.joined(separator: ", ")
                let more = unfit.count > 3 ? " and \(unfit.count - 3) more" : ""
                complain(
                    "\(key).name",
                    "gave \(some)\(more); names hold letters, digits, _ - . and single /, and 'seconds' is taken")
            }
            return members.filter { Self.isName($0.name) }.map { ($0.name, $0.value) }
        case let other?:
            complain(key, "gave \(key) as \(other.text.prefix(60)), expected an object")
            return []
        }
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.count <= 200 && name != "seconds" && !name.hasPrefix("/") && !name.hasSuffix("/")
            && !name.contains("..") && !name.contains("//")
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-./".contains($0)) }
    }

    private mutating func take(_ name: String, _ value: JSONValue) {
        if case .bool(let flag) = value { return numbers.append(NamedNumber(.user(name), flag ? 1 : 0)) }
        guard let number = value.double, number.isFinite else {
            return complain("metrics.\(name)", "gave \(value.text.prefix(60)) for \(name), expected a finite number")
        }
        numbers.append(NamedNumber(.user(name), number))
    }

    private mutating func take(_ name: String, table: JSONValue) {
        let columns = (table["columns"]?.elements ?? []).compactMap(\.string)
        let rows = (table["rows"]?.elements ?? []).compactMap(\.elements)
        guard !columns.isEmpty, rows.count <= Self.limits.rows, rows.allSatisfy({ $0.count == columns.count }) else {
            return complain(
                "tables.\(name)",
                "gave a table \(name) that is none: expected {\"columns\": […], \"rows\": [[…]]} of up to \(Self.limits.rows) rows"
            )
        }
        media.append((Metric.user(name).name, .table(columns: columns, rows: rows)))
    }

    private mutating func take(_ name: String, histogram: JSONValue) {
        let edges = (histogram["edges"]?.elements ?? []).compactMap(\.double)
        let counts = (histogram["counts"]?.elements ?? []).compactMap(\.double)
        let isRising = zip(edges, edges.dropFirst()).allSatisfy { $0 < $1 }
        guard !counts.isEmpty, counts.count <= 512, edges.count == counts.count + 1, isRising,
            (edges + counts).allSatisfy(\.isFinite)
        else {
            return complain(
                "histograms.\(name)",
                "gave a histogram \(name) that is none: expected rising \"edges\" and one \"counts\" less, up to 512")
        }
        media.append((Metric.user(name).name, .histogram(edges: edges, counts: counts)))
    }

    private mutating func take(_ name: String, file: JSONValue, in folder: String) {
        guard let given = file.string else {
            return complain("files.\(name)", "gave \(file.text.prefix(60)) for the file \(name), expected a path")
        }
        let root = URL(filePath: folder).resolvingSymlinksInPath().path
        let path = URL(filePath: given, relativeTo: URL(filePath: folder, directoryHint: .isDirectory))
            .resolvingSymlinksInPath().path
        var information = stat()
        guard path.hasPrefix(root + "/"), lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
            information.st_size <= Self.limits.file
        else {
            return complain(
                "files.\(name)",
                "gave '\(given.prefix(100))' for the file \(name); expected a file of up to 256 MB in its working folder"
            )
        }
        if isPNG(path) {
            media.append((Metric.user(name).name, .image(path: path)))
        } else {
            files.append((String(path.dropFirst(root.count + 1)), path))
        }
    }

    private func isPNG(_ path: String) -> Bool {
        guard path.hasSuffix(".png"), let file = fopen(path, "r") else { return false }
        defer { fclose(file) }
        var head = [UInt8](repeating: 0, count: 24)
        return fread(&head, 1, 24, file) == 24 && head.starts(with: [0x89, 0x50, 0x4E, 0x47])
    }
}
