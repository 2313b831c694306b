import Artifacts
import Foundation
public import JSON

/// What a history row shows besides numbers.
public enum Media: Sendable {
    /// A PNG file, or the part of a file that is one; the file must stay as it is.
    case image(path: String, place: Range<Int>? = nil)
    /// How many values fell between each two edges; one edge more than counts.
    case histogram(edges: [Double], counts: [Double])
    /// Rows of cells below named columns.
    case table(columns: [String], rows: [[JSONValue]])
}

/// A medium as W&B keeps it: the value in its row, and the file that the value speaks of.
struct EncodedMedium {
    enum Content {
        /// A file that is there already, or a part of one.
        case file(path: String, place: Range<Int>?)
        /// A file that is still to be written.
        case bytes([UInt8])
    }

    let value: JSONValue
    var file: (name: String, content: Content)?

    /// Encodes a medium of a row.
    ///
    /// - Parameters:
    ///   - medium: what to show.
    ///   - key: the name of its column.
    ///   - step: the row's step.
    /// - Throws: `SpoolError` where an image cannot be read or is no PNG.
    init(_ medium: Media, key: String, step: Int) throws(SpoolError) {
        switch medium {
        case .image(let path, let place):
            let bytes = try Self.read(path, place)
            guard let size = Self.sizeOfPNG(bytes) else {
                throw .damaged(path: path, reason: "it is not a PNG image")
            }
            let digest = SHA256.hex(bytes)
            let name = "media/images/\(Self.stem(key))_\(step)_\(digest.prefix(20)).png"
            value = .object([
                .init("_type", .string("image-file")), .init("path", .string(name)),
                .init("sha256", .string(digest)), .init("size", .number(bytes.count)),
                .init("width", .number(size.width)), .init("height", .number(size.height)),
                .init("format", .string("png")),
            ])
            file = (name, .file(path: path, place: place))
        case .histogram(let edges, let counts):
            value = .object([
                .init("_type", .string("histogram")), .init("bins", .array(edges.map { .number($0) })),
                .init("values", .array(counts.map { .number($0) })),
            ])
        case .table(let columns, let rows):
            let content = JSONValue.object([
                .init("columns", .array(columns.map { .string($0) })),
                .init("data", .array(rows.map { .array($0) })),
            ])
            let bytes = Array(content.text.utf8)
            let digest = SHA256.hex(bytes)
            let name = "media/table/\(Self.stem(key))_\(step)_\(digest.prefix(20)).table.json"
            // W&B's client also makes an artifact of the table; the run's file alone holds all of it.
            value = .object([
                .init("_type", .string("table-file")), .init("path", .string(name)),
                .init("sha256", .string(digest)), .init("size", .number(bytes.count)),
                .init("nrows", .number(rows.count)), .init("ncols", .number(columns.count)),
                .init("log_mode", .string("IMMUTABLE")),
            ])
            file = (name, .bytes(bytes))
        }
    }

    /// A key as a part of a file's name.
    private static func stem(_ key: String) -> String {
        String(key.map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? $0 : "_" })
    }

    private static func read(_ path: String, _ place: Range<Int>?) throws(SpoolError) -> [UInt8] {
        do throws(FileError) {
            if let place { return try FilePack.bytes(place, of: path) }
            return try DurableFile.read(path, limit: 1 << 30)
        } catch {
            throw .cannotRead(path: path, reason: error.reason)
        }
    }

    /// Width and height stand in a PNG's first chunk, as 32-bit numbers behind the signature and the chunk's head.
    private static func sizeOfPNG(_ bytes: [UInt8]) -> (width: Int, height: Int)? {
        guard bytes.count >= 24, bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) else { return nil }
        let number = { (start: Int) in bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
        return (number(16), number(20))
    }
}
