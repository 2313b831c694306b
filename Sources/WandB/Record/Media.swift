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
    /// The artifact that the file becomes as well, and its name there.
    var artifact: (artifact: SpooledArtifact, name: String)?

    /// Encodes a medium of a row.
    ///
    /// - Parameters:
    ///   - medium: what to show.
    ///   - key: the name of its column.
    ///   - step: the row's step.
    ///   - run: the run's id.
    /// - Throws: `SpoolError` where an image cannot be read or is no PNG.
    init(_ medium: Media, key: String, step: Int, run: String) throws(SpoolError) {
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
                .init("_type", .string("table")), .init("column_types", Self.types(columns, rows)),
                .init("columns", .array(columns.map { .string($0) })),
                .init("data", .array(rows.map { .array($0) })), .init("log_mode", .string("IMMUTABLE")),
                .init("ncols", .number(columns.count)), .init("nrows", .number(rows.count)),
            ])
            let bytes = Array(content.text.utf8)
            let digest = SHA256.hex(bytes)
            let name = "media/table/\(Self.stem(key))_\(step)_\(digest.prefix(20)).table.json"
            let version = (
                artifact: SpooledArtifact.table(run: run, key: key, step: step), name: "\(Self.stem(key)).table.json"
            )
            let scheme = "wandb-client-artifact://"
            let client = version.artifact.clientID(run: run, name: version.name)
            let sequence = version.artifact.sequenceClientID(run: run)
            value = .object([
                .init("_type", .string("table-file")), .init("path", .string(name)),
                .init("sha256", .string(digest)), .init("size", .number(bytes.count)),
                .init("nrows", .number(rows.count)), .init("ncols", .number(columns.count)),
                .init("log_mode", .string("IMMUTABLE")),
                .init("artifact_path", .string("\(scheme)\(client)/\(version.name)")),
                .init("_latest_artifact_path", .string("\(scheme)\(sequence):latest/\(version.name)")),
            ])
            artifact = version
            file = (name, .bytes(bytes))
        }
    }

    /// What W&B's tables call the type of each column.
    private static func types(_ columns: [String], _ rows: [[JSONValue]]) -> JSONValue {
        let types = columns.indices.map { column -> JSONValue in
            let cells = rows.lazy.compactMap { $0.indices.contains(column) ? $0[column] : nil }
            let kind: String? =
                if cells.allSatisfy({ $0.string != nil }) {
                    "string"
                } else if cells.allSatisfy({ $0.double != nil }) {
                    "number"
                } else {
                    nil
                }
            guard let kind else { return .object([.init("wb_type", .string("any"))]) }
            let allowed = ["none", kind].map { JSONValue.object([.init("wb_type", .string($0))]) }
            return .object([
                .init("params", .object([.init("allowed_types", .array(allowed))])), .init("wb_type", .string("union")),
            ])
        }
        let map = zip(columns, types).map { JSONValue.Member($0, $1) }
        return .object([
            .init("params", .object([.init("type_map", .object(map))])), .init("wb_type", .string("typedDict")),
        ])
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
