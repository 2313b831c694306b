public import Artifacts
import Foundation
import Glibc
import JSON

/// The tokens of a split's documents, mapped into memory and shared by all processes that read them.
///
/// A folder holds `tokens.bin`, the documents one after another; `ends.bin`, where each ends; and `info.json`.
public final class TokenFile: Sendable {
    /// What is known about the tokens without reading them.
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
        /// How many rows of `length` tokens the documents make with one token between two.
        public func rows(of length: Int) -> Int { (tokens + max(documents - 1, 0)) / length }

        /// The CRC-32 of `tokens.bin` and of `ends.bin`.
        var checksums: Checksums

        /// The checksums of the two files next to `info.json`.
        struct Checksums: Sendable, Equatable {
            var tokens: UInt32
            var ends: UInt32
        }

        /// All but its own checksum.
        private var fields: [JSONValue.Member] {
            [
                .init("documents", .number(documents)), .init("tokens", .number(tokens)),
                .init("highest", .number(highest)), .init("end_of_sequence", .number(endOfSequence)),
                .init("bytes_per_token", .number(width)), .init("source", .string(source)),
                .init("tokens_crc32", .number(Int(checksums.tokens))),
                .init("ends_crc32", .number(Int(checksums.ends))),
            ]
        }

        private var checksum: UInt32 { CRC32.of(Array(JSONValue.object(fields).text.utf8)) }

        var json: JSONValue { .object(fields + [.init("crc32", .number(Int(checksum)))]) }

        init(
            documents: Int, tokens: Int, highest: Int, endOfSequence: Int, width: Int, source: String,
            checksums: Checksums
        ) {
            self.documents = documents
            self.tokens = tokens
            self.highest = highest
            self.endOfSequence = endOfSequence
            self.width = width
            self.source = source
            self.checksums = checksums
        }

        init?(_ json: JSONValue) {
            guard let documents = json["documents"]?.integer, let tokens = json["tokens"]?.integer,
                let highest = json["highest"]?.integer, let end = json["end_of_sequence"]?.integer,
                let width = json["bytes_per_token"]?.integer, width == 2 || width == 4,
                let tokensSum = json["tokens_crc32"]?.integer.flatMap(UInt32.init(exactly:)),
                let endsSum = json["ends_crc32"]?.integer.flatMap(UInt32.init(exactly:))
            else { return nil }
            self.init(
                documents: documents, tokens: tokens, highest: highest, endOfSequence: end, width: width,
                source: json["source"]?.string ?? "", checksums: Checksums(tokens: tokensSum, ends: endsSum))
            guard json["crc32"]?.integer == Int(checksum) else { return nil }
        }
    }

    /// What the files are called.
    enum Name {
        static let tokens = "tokens.bin"
        static let ends = "ends.bin"
        static let info = "info.json"
    }

    /// What is known about the tokens.
    public let info: Info
    /// The folder.
    public let path: String
    private let tokens: Mapping
    private let ends: Mapping

    /// Maps the tokens of a folder; the first time in a process, reads them all once to compare their checksums.
    ///
    /// A wrong token may be beyond the model's vocabulary, and a run on other text than its config says is worth nothing.
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
        tokens = try Mapping(
            path + "/" + Name.tokens, bytes: info.tokens * info.width, checksum: info.checksums.tokens)
        ends = try Mapping(path + "/" + Name.ends, bytes: info.documents * 8, checksum: info.checksums.ends)
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
