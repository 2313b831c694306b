import Artifacts
import Foundation
import Glibc
import JSON
import Layout
public import TextData
public import Tokenizers

/// Encoded splits, shared by all runs and jobs: each is encoded once and then mapped.
///
/// A split's folder is named after the content of its files and of its tokenizer, its column and its split, so nothing
/// can be stale. It appears whole: it is made aside and renamed.
public struct TokenCache: Sendable {
    /// Where the encoded splits are.
    public let path: String

    /// Names a cache without touching it.
    public init(path: String) { self.path = path }

    /// A split to encode.
    public struct Split: Sendable {
        /// Its files, in order.
        public var files: [DatasetFile]
        /// The column that holds the texts.
        public var column: String
        /// The split's name.
        public var name: String
        /// The data set's usual name.
        public var source: String

        /// Names a split.
        public init(files: [DatasetFile], column: String, name: String, source: String) {
            self.files = files
            self.column = column
            self.name = name
            self.source = source
        }
    }

    /// How far encoding is.
    public struct Progress: Sendable, Equatable {
        /// The part of the files that is read, from 0 to 1.
        public var fraction: Double
        /// Documents so far.
        public var documents: Int
        /// Bytes of text so far.
        public var bytes: Int
        /// Tokens so far.
        public var tokens: Int
    }

    /// The folder of a split that a tokenizer has encoded, or will.
    ///
    /// - Parameters:
    ///   - split: the split.
    ///   - tokenizer: the digest of the tokenizer's files.
    ///   - endOfSequence: the token between documents.
    /// - Returns: the folder's path; it need not be there.
    /// - Throws: `TextDataError` if a file cannot be read.
    public func folder(of split: Split, tokenizer: String, endOfSequence: UInt32) throws(TextDataError) -> String {
        var words = ["spd-tokens-2", tokenizer, String(endOfSequence), split.column, split.name]
        for file in split.files {
            words.append(try Self.digest(file.path))
            // The same bytes may be plain lines by one name and JSON by another.
            if DatasetFile.Format(path: file.path) == .text { words.append("lines") }
        }
        return path + "/" + SHA256.hex(words.joined(separator: "\n")).prefix(32)
    }

    /// The tokens of a split: encoded before, or now, also where what was encoded before is damaged.
    ///
    /// - Parameters:
    ///   - split: the split.
    ///   - tokenizer: encodes it.
    ///   - digest: the digest of the tokenizer's files.
    ///   - endOfSequence: the token between documents.
    ///   - threads: how many threads encode.
    ///   - progress: takes how far it is, several times a second.
    ///   - isCancelled: asked often; true gives it up.
    ///   - check: looks at what has been encoded; where it throws, nothing is kept.
    /// - Returns: the tokens; nil if it was given up.
    /// - Throws: `TextDataError`, `TokenizerError` or `FileError` with what is wrong, or what `check` throws.
    public func tokens(
        of split: Split, tokenizer: Tokenizer, digest: String, endOfSequence: UInt32, threads: Int,
        progress: (Progress) -> Void = { _ in }, isCancelled: () -> Bool = { false },
        check: (TokenFile.Info) throws -> Void = { _ in }
    ) throws -> TokenFile? {
        let folder = try folder(of: split, tokenizer: digest, endOfSequence: endOfSequence)
        try DurableFile.createFolder(path)
        if let file = try Self.whole(folder) {
            try check(file.info)
            return file
        }
        // The second process waits for the first, on whichever node that is.
        guard let lock = try FileLock.waiting(for: Aside.lock(of: folder), shouldStop: isCancelled) else { return nil }
        // Deleted before it is released: a waiting process takes a new one.
        defer {
            unlink(Aside.lock(of: folder))
            lock.release()
        }
        try Aside.removeUnfinished(of: folder)
        if let file = try Self.whole(folder) {
            try check(file.info)
            return file
        }
        let aside = try Aside(for: folder)
        defer { aside.discard() }
        let encoder = try SplitEncoder(
            folder: aside.path, tokenizer: tokenizer, endOfSequence: Int(endOfSequence), threads: threads)
        guard let info = try encoder.encode(split, progress: progress, isCancelled: isCancelled) else { return nil }
        try check(info)
        // Whatever has lost a part since is useless.
        try Self.removeDamaged(folder)
        try aside.publish(as: folder)
        return try TokenFile(folder: folder)
    }

    /// The tokens of a folder; nil if it does not exist, or something of it is missing, cut off or not what it should
    /// be.
    ///
    /// - Throws: What cannot be read now: that is no damage, and others may be reading it.
    private static func whole(_ folder: String) throws(FileError) -> TokenFile? {
        do { return try TokenFile(folder: folder) } catch {
            switch error.cause {
            case .missing, .damage: return nil
            case .outOfRoom, .other: throw error
            }
        }
    }

    private static func removeDamaged(_ folder: String) throws(FileError) {
        guard try FolderListing.holds(folder) else { return }
        do { try FileManager.default.removeItem(atPath: folder) } catch {
            throw FileError(
                .write, folder, reason: "it is of no use and cannot be deleted: \(error.localizedDescription)")
        }
    }

    /// A digest of a file's content; the hub's caches name large files after theirs.
    private static func digest(_ path: String) throws(TextDataError) -> String {
        let real = (path as NSString).resolvingSymlinksInPath
        let name = (real as NSString).lastPathComponent
        if (real as NSString).deletingLastPathComponent.hasSuffix("/blobs"), name.utf8.count == 64 { return name }
        do {
            return try SHA256.hex(contentsOf: real)
        } catch {
            throw TextDataError(path, "cannot be read: \(error.reason)")
        }
    }
}
