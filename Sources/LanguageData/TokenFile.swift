public import Artifacts
import Foundation
import Glibc
import JSON

/// The tokens of a split's documents, mapped into memory and shared by all processes that read them.
///
/// A folder holds `tokens.bin`, the documents one after another; `ends.bin`, where each ends; and `info.json`.
public final class TokenFile: Sendable {
    /// What is known of the tokens without reading them.
    public struct Info: Sendable, Equatable {
        /// How many documents there are.
        public var documents: Int
        /// How many tokens they have, without any between them.
        public var tokens: Int
        /// The highest token's number, that between documents included; nil if there are no tokens.
        public var highest: Int
        /// The token between documents.
        public var endOfSequence: Int
        /// How many bytes a token takes: 2 or 4.
        public var width: Int
        /// What was encoded, for people.
        public var source: String

        var json: JSONValue {
            [
                "documents": .number(documents), "tokens": .number(tokens), "highest": .number(highest),
                "end_of_sequence": .number(endOfSequence), "bytes_per_token": .number(width), "source": .string(source),
            ]
        }

        init(documents: Int, tokens: Int, highest: Int, endOfSequence: Int, width: Int, source: String) {
            self.documents = documents
            self.tokens = tokens
            self.highest = highest
            self.endOfSequence = endOfSequence
            self.width = width
            self.source = source
        }

        init?(_ json: JSONValue) {
            guard let documents = json["documents"]?.integer, let tokens = json["tokens"]?.integer,
                let highest = json["highest"]?.integer, let end = json["end_of_sequence"]?.integer,
                let width = json["bytes_per_token"]?.integer, width == 2 || width == 4
            else { return nil }
            self.init(
                documents: documents, tokens: tokens, highest: highest, endOfSequence: end, width: width,
                source: json["source"]?.string ?? "")
        }
    }

    /// What the files are called.
    enum Name {
        static let tokens = "tokens.bin"
        static let ends = "ends.bin"
        static let info = "info.json"
    }

    /// What is known of the tokens.
    public let info: Info
    /// The folder.
    public let path: String
    private let tokens: Mapping
    private let ends: Mapping

    /// Maps the tokens of a folder.
    ///
    /// - Throws: `FileError` with what is missing or damaged.
    public init(folder path: String) throws(FileError) {
        self.path = path
        let file = path + "/" + Name.info
        let text = try DurableFile.read(file, limit: 1 << 20)
        guard let json = try? JSONValue(parsing: text), let info = Info(json) else {
            throw FileError(
                .read, file, reason: "it does not describe encoded text; delete \(path) to encode it again",
                cause: .damage)
        }
        self.info = info
        tokens = try Mapping(path + "/" + Name.tokens, bytes: info.tokens * info.width)
        ends = try Mapping(path + "/" + Name.ends, bytes: info.documents * 8)
        var last = 0
        for document in 0..<info.documents {
            let end = end(of: document)
            guard last <= end, end <= info.tokens else {
                throw FileError(
                    .read, path + "/" + Name.ends,
                    reason: "a document ends outside of the text; delete its folder to encode the text again",
                    cause: .damage)
            }
            last = end
        }
    }

    /// Where a document's tokens begin.
    func start(of document: Int) -> Int { document == 0 ? 0 : end(of: document - 1) }

    /// Where a document's tokens end.
    func end(of document: Int) -> Int {
        Int(clamping: ends.bytes.load(fromByteOffset: 8 * document, as: UInt64.self))
    }

    /// Copies tokens by their places.
    func copy(_ range: Range<Int>, to out: UnsafeMutablePointer<Int32>) {
        if info.width == 2 {
            let source = tokens.bytes.bindMemory(to: UInt16.self)
            for (index, place) in range.enumerated() { out[index] = Int32(source[place]) }
        } else {
            let source = tokens.bytes.bindMemory(to: Int32.self)
            for (index, place) in range.enumerated() { out[index] = source[place] }
        }
    }
}

/// A file's bytes in memory, read-only.
private final class Mapping: @unchecked Sendable {
    // The bytes never change and are unmapped with the last reference.
    let bytes: UnsafeRawBufferPointer

    init(_ path: String, bytes count: Int) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(.read, path) }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw FileError(.read, path) }
        guard count >= 0, Int(information.st_size) == count else {
            throw FileError(
                .read, path,
                reason: "it should hold \(count) bytes and holds \(information.st_size); delete its folder "
                    + "to encode the text again", cause: .damage)
        }
        guard count > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            throw FileError(.read, path)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }
}
