import Artifacts
import Dispatch
import Foundation
import Glibc
import JSON
import Synchronization
import TextData
import Tokenizers

/// Encodes a split's texts into a folder, some megabytes at a time, on several threads.
///
/// What is written does not depend on the number of threads: documents keep their order.
struct SplitEncoder {
    /// Bytes of text that are encoded at once: some tens of pieces for any number of threads.
    private static let batchBytes = 8 << 20
    /// Documents are given to threads in pieces of about this many bytes.
    private static let pieceBytes = 1 << 17

    private let folder: String
    private let tokenizer: Tokenizer
    private let endOfSequence: Int
    private let threads: Int
    private let width: Int

    init(folder: String, tokenizer: Tokenizer, endOfSequence: Int, threads: Int) throws {
        self.folder = folder
        self.tokenizer = tokenizer
        self.endOfSequence = endOfSequence
        self.threads = threads
        width = max(tokenizer.vocabularySize, endOfSequence + 1) <= 1 << 16 ? 2 : 4
    }

    /// Encodes all files; returns the result, nil if it was abandoned.
    func encode(
        _ split: TokenCache.Split, progress: (TokenCache.Progress) -> Void, isCancelled: () -> Bool
    ) throws -> TokenFile.Info? {
        let tokens = try TokenFileWriter(path: folder + "/" + TokenFile.Name.tokens)
        let ends = try TokenFileWriter(path: folder + "/" + TokenFile.Name.ends)
        var state = TokenCache.Progress(fraction: 0, documents: 0, bytes: 0, tokens: 0)
        var highest = endOfSequence
        var texts: [[UInt8]] = []
        var pending = 0

        func flush() throws {
            let encoded = try encode(texts)
            for ids in encoded {
                state.tokens += ids.count
                highest = max(highest, Int(ids.max() ?? 0))
                try tokens.append(ids, width: width)
                try ends.append(UInt64(state.tokens))
            }
            state.documents += texts.count
            state.bytes += pending
            (texts, pending) = ([], 0)
            progress(state)
        }
        do {
            for (number, file) in split.files.enumerated() {
                try file.forEachText(
                    column: split.column,
                    position: { state.fraction = (Double(number) + $0) / Double(split.files.count) }
                ) { text in
                    guard let text else { return }
                    texts.append(Array(text))
                    pending += text.count + 1
                    guard pending >= Self.batchBytes else { return }
                    if isCancelled() { throw Cancelled() }
                    try flush()
                }
            }
            try flush()
        } catch is Cancelled {
            return nil
        }
        try tokens.finish()
        try ends.finish()
        let info = TokenFile.Info(
            documents: state.documents, tokens: state.tokens, highest: highest, endOfSequence: endOfSequence,
            width: width, source: "\(split.source), split '\(split.name)', column '\(split.column)'",
            checksums: .init(tokens: tokens.checksum, ends: ends.checksum))
        try DurableFile.write(info.json.text + "\n", to: folder + "/" + TokenFile.Name.info)
        return info
    }

    private struct Cancelled: Error {}

    /// Ranges of texts of about the same length.
    private static func pieces(_ texts: [[UInt8]]) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var (start, bytes) = (0, 0)
        for (index, text) in texts.enumerated() {
            bytes += text.count
            if bytes >= pieceBytes || index == texts.count - 1 {
                pieces.append(start..<index + 1)
                (start, bytes) = (index + 1, 0)
            }
        }
        return pieces
    }

    /// Encodes texts in pieces, each on whichever thread is free.
    private func encode(_ texts: [[UInt8]]) throws -> [[UInt32]] {
        let pieces = Self.pieces(texts)
        let results = Mutex<[Int: Result<[[UInt32]], any Error>]>([:])
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: min(threads, max(pieces.count, 1))) { _ in
            while true {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < pieces.count else { return }
                let result = Result { try pieces[number].map { try tokenizer.encodeIDs(utf8: texts[$0]) } }
                results.withLock { $0[number] = result }
            }
        }
        let all = results.withLock { $0 }
        return try pieces.indices.flatMap { try all[$0]?.get() ?? [] }
    }
}

/// A file that is written from its beginning to its end, once.
private final class TokenFileWriter {
    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var sum = CRC32()

    /// The checksum of all that is in the file.
    var checksum: UInt32 { sum.value }

    init(path: String) throws(FileError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(.create, path) }
    }

    deinit { close(descriptor) }

    func append(_ ids: [UInt32], width: Int) throws(FileError) {
        if width == 2 {
            for id in ids { withUnsafeBytes(of: UInt16(truncatingIfNeeded: id).littleEndian) { buffer += $0 } }
        } else {
            ids.withUnsafeBytes { buffer += $0 }
        }
        if buffer.count >= 1 << 20 { try flush() }
    }

    func append(_ number: UInt64) throws(FileError) {
        withUnsafeBytes(of: number.littleEndian) { buffer += $0 }
        if buffer.count >= 1 << 20 { try flush() }
    }

    func finish() throws(FileError) {
        try flush()
        try DurableFile.flush(descriptor, path)
    }

    private func flush() throws(FileError) {
        buffer.withUnsafeBytes { sum.add($0) }
        try DurableFile.writeAll(buffer, to: descriptor, path)
        buffer.removeAll(keepingCapacity: true)
    }
}
