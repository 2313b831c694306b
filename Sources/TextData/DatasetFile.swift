/// A file with a text in each of its rows: Parquet, an Arrow stream, JSON lines or plain lines.
public struct DatasetFile: Sendable, Equatable {
    /// How the file holds its rows.
    public enum Format: String, Sendable, CaseIterable, Comparable {
        case parquet
        case arrow
        case jsonLines
        case text

        private static let endings: [(String, Format)] = [
            (".parquet", .parquet), (".arrow", .arrow), (".jsonl", .jsonLines), (".ndjson", .jsonLines),
            (".json", .jsonLines), (".txt", .text),
        ]

        /// The format that a file's name says; compressed lines end in .gz or .zst.
        public init?(path: String) {
            let name = path.lowercased()
            let plain = [".gz", ".zst", ".zstd"].first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) }
            guard let format = Self.endings.first(where: { (plain ?? name).hasSuffix($0.0) })?.1,
                plain == nil || format >= .jsonLines
            else { return nil }
            self = format
        }

        /// Formats that preserve more of the rows come first.
        public static func < (one: Format, other: Format) -> Bool {
            allCases.firstIndex(of: one) ?? 0 < allCases.firstIndex(of: other) ?? 0
        }
    }

    /// The file.
    public let path: String

    /// Names a file; nothing is read yet.
    public init(path: String) { self.path = path }

    /// Gives the UTF-8 text of each row to `body`, in order; nil if it is null.
    ///
    /// - Parameters:
    ///   - column: the column's name. A file of plain lines has one only, whatever its name.
    ///   - position: takes the part of the file that is read, from 0 to 1, before each row.
    ///   - body: what to do with each row's text.
    /// - Throws: `TextDataError` with what is wrong with the file, or what `body` throws.
    public func forEachText(
        column: String, position: (Double) -> Void = { _ in }, _ body: (ArraySlice<UInt8>?) throws -> Void
    ) throws {
        var row = 0
        do {
            let source = try ByteSource(path: path)
            try read(source, column: column) { text in
                row += 1
                if let text, !Self.isUTF8(text) {
                    throw Fault("row \(row) of '\(column)' is not UTF-8 text")
                }
                position(Double(source.position) / Double(source.count))
                try body(text)
            }
        } catch let fault as Fault {
            throw TextDataError(path, fault.reason, concernsColumn: fault.concernsColumn)
        }
    }

    /// Checks that the file can be read and has a column of texts, by its beginning.
    ///
    /// - Throws: `TextDataError` with what is wrong, and the columns there are.
    public func check(column: String) throws(TextDataError) {
        struct Seen: Error {}
        do {
            try forEachText(column: column) { _ in throw Seen() }
        } catch let error as TextDataError {
            throw error
        } catch {
            // The first row has come.
        }
    }

    private func read(_ source: ByteSource, column: String, _ body: (ArraySlice<UInt8>?) throws -> Void) throws {
        let magic = try source.read(at: 0, upTo: 64)
        if let what = Self.stranger(magic) { throw Fault(what) }
        if ParquetFile.begins(magic) {
            try ParquetFile(source).forEachText(column: column, body)
        } else if ArrowStream.begins(magic) {
            try ArrowStream(source).forEachText(column: column, body)
        } else {
            switch Format(path: path) {
            case .jsonLines: try JSONRows(source).forEachText(column: column, body)
            case .text: try Lines(source).forEach { line, _ in try body(line) }
            case .parquet: throw Fault.damaged("a Parquet file begins with PAR1, and this one does not")
            case .arrow: throw Fault.damaged("it does not begin as an Arrow stream does")
            case nil:
                throw Fault(
                    "has an unknown format; files of texts end in .parquet, .arrow, .jsonl or .txt "
                        + "(the last two also in .gz or .zst)")
            }
        }
    }

    /// What is in place of a file that was not properly downloaded.
    private static func stranger(_ magic: [UInt8]) -> String? {
        let text = String(decoding: magic, as: UTF8.self)
        if text.hasPrefix("version https://git-lfs") {
            return "is a Git LFS pointer, not the file itself; run git lfs pull where it comes from"
        }
        if text.lowercased().hasPrefix("<!doctype html") || text.lowercased().hasPrefix("<html") {
            return "is a web page, not the file itself; download it again"
        }
        return magic.isEmpty ? "is empty" : nil
    }

    static func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
        }
    }
}
