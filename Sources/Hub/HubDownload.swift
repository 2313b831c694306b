import Artifacts
import Foundation
import HTTP

/// How far a download is.
public struct HubProgress: Sendable, Equatable {
    /// What is downloaded, such as `SimpleStories/SimpleStories-1.25M`.
    public let name: String
    /// The file that is coming.
    public let file: String
    /// Bytes of all files that are here, those of an earlier attempt included.
    public let bytes: Int
    /// Bytes of all files, as far as the hub gives sizes.
    public let total: Int?
    /// Bytes that came in this attempt, to compute the speed.
    public let received: Int
}

/// Downloads files of one commit into a folder laid out as the hub's own tools do.
struct HubDownload {
    struct File {
        let path: String
        /// Its size in bytes, if the hub gives it.
        let size: Int?
    }

    let name: HubName
    let commit: String
    let folder: HubFolder
    let client: HubClient
    let progress: (HubProgress) -> Void

    /// Downloads what is not here yet; the folder says that it is whole only afterwards.
    func download(_ files: [File], finishes: Bool) throws(HubError) {
        do {
            for sub in ["", "/blobs", "/snapshots"] { try DurableFile.createFolder(folder.path + sub) }
            try download(files)
            guard finishes else { return }
            try folder.finish(commit: commit)
            try folder.removeIncomplete(butOf: commit)
        } catch let error as HubError {
            throw error
        } catch {
            throw HubError(.disk, "\(name): \(error)")
        }
    }

    private func download(_ files: [File]) throws {
        let total = files.allSatisfy { $0.size != nil } ? files.reduce(0) { $0 + ($1.size ?? 0) } : nil
        var (done, received) = (0, 0)
        var digests: [(path: String, digest: String)] = []
        for file in files {
            let path = folder.file(file.path, commit: commit)
            if let size = Self.size(of: path) {
                done += size
                continue
            }
            let (before, receivedBefore) = (done, received)
            let digest = try download(file) { bytes, new in
                (done, received) = (before + bytes, receivedBefore + new)
                progress(
                    HubProgress(name: "\(name)", file: file.path, bytes: done, total: total, received: received))
            }
            digests.append((file.path, digest))
        }
        try folder.add(digests, to: commit)
    }

    /// The size of a file behind links; nil if there is none.
    fileprivate static func size(of path: String) -> Int? {
        var information = stat()
        guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(information.st_size)
    }

    /// Downloads one file, from where an earlier attempt ended; returns the name of its blob.
    private func download(_ file: File, progress: @escaping (_ bytes: Int, _ received: Int) -> Void) throws -> String {
        let what = "\(name)/\(file.path)"
        let unfinished = folder.incomplete(file.path, commit: commit)
        let descriptor = open(unfinished, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(.create, unfinished) }
        defer {
            close(descriptor)
            // Nothing to continue from.
            if Self.size(of: unfinished) == 0 { unlink(unfinished) }
        }
        let sink = Sink(descriptor: descriptor, path: unfinished, folder: folder, progress: progress)
        let address =
            (name.kind == .model ? "/" : "/datasets/") + "\(name)/resolve/\(commit)/" + Self.escaped(file.path)
        var reply = try send(address, what, sink)
        if sink.known == nil, try !sink.isRight(reply) {
            // An earlier attempt's leftovers may belong to other bytes: start again from the beginning.
            sink.restart()
            reply = try send(address, what, sink)
            guard try sink.isRight(reply) else {
                unlink(unfinished)
                throw HubError(
                    .unreachable,
                    "\(what): the download does not have the size or sha256 that the hub states; try again later")
            }
        }
        if let found = reply.hubHeader("X-Repo-Commit"), found != commit {
            unlink(unfinished)
            throw HubError(
                .unusable,
                "\(what): the hub answers with commit \(found.prefix(12)), but \(commit.prefix(12)) was asked for")
        }
        if sink.known != nil, let digest = Self.digest(reply) {
            unlink(unfinished)
            return digest
        }
        try DurableFile.flush(descriptor, unfinished)
        let digest = Self.digest(reply) ?? SHA256.hex(file.path + "@" + commit)
        try DurableFile.rename(unfinished, to: folder.blob(digest))
        return digest
    }

    private func send(_ address: String, _ what: String, _ sink: Sink) throws -> HubClient.Reply {
        let reply: HubClient.Reply
        do {
            reply = try client.send(address, about: what, headers: sink.headers, receive: sink.take)
        } catch {
            if let failure = sink.failure { throw failure }
            if let reply = sink.known { return reply }
            // The server has nothing beyond what is here.
            guard error.description.hasSuffix("the hub answered 416"), sink.offset > 0 else { throw error }
            sink.restart()
            return try client.send(address, about: what, headers: [], receive: sink.take)
        }
        return reply
    }

    /// The name that the hub's own tools give a blob: the ETag without its quotes.
    fileprivate static func digest(_ reply: HubClient.Reply) -> String? {
        let text = reply.hubHeader("X-Linked-Etag") ?? reply.hubHeader("ETag")
        guard let name = text?.split(separator: "/").last?.filter({ $0 != "\"" }), !name.isEmpty,
            name.utf8.count <= 128, name.allSatisfy({ $0.isHexDigit })
        else { return nil }
        return String(name)
    }

    private static func escaped(_ path: String) -> String {
        path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? path
    }

    /// A file that grows with what comes.
    private final class Sink {
        private let descriptor: Int32
        private let path: String
        private let folder: HubFolder
        private let progress: (Int, Int) -> Void
        private var received = 0
        private var isPlaced = false
        private(set) var offset: Int
        private(set) var failure: FileError?
        /// What the hub said about a file whose bytes are here already: an earlier attempt ended before it had all
        /// files.
        private(set) var known: HubClient.Reply?

        init(descriptor: Int32, path: String, folder: HubFolder, progress: @escaping (Int, Int) -> Void) {
            self.descriptor = descriptor
            self.path = path
            self.folder = folder
            self.progress = progress
            offset = max(Int(lseek(descriptor, 0, SEEK_END)), 0)
        }

        /// Asks for what is not here yet.
        var headers: [(name: String, value: String)] {
            isPlaced = false
            return offset > 0 ? [("Range", "bytes=\(offset)-")] : []
        }

        func restart() { offset = 0 }

        /// Whether the bytes are those of a blob that is here.
        private func isHere(_ reply: HubClient.Reply) -> Bool {
            guard let size = reply.hubHeader("X-Linked-Size").flatMap(Int.init),
                let digest = HubDownload.digest(reply), digest.utf8.count == 64
            else { return false }
            return HubDownload.size(of: folder.blob(digest)) == size
        }

        func take(_ reply: HubClient.Reply, _ bytes: UnsafeRawBufferPointer) -> Bool {
            if !isPlaced {
                if isHere(reply) {
                    known = reply
                    return false
                }
                // A server that does not resume sends everything.
                let resumes =
                    reply.response.status == 206
                    && reply.response.header("Content-Range")?.hasPrefix("bytes \(offset)-") == true
                if !resumes { offset = 0 }
                guard ftruncate(descriptor, off_t(offset)) == 0 else {
                    failure = FileError(.write, path)
                    return false
                }
                isPlaced = true
            }
            var written = 0
            while written < bytes.count, let base = bytes.baseAddress {
                let count = pwrite(descriptor, base + written, bytes.count - written, off_t(offset))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    failure = FileError(.write, path)
                    return false
                }
                written += count
                offset += count
            }
            received += bytes.count
            progress(offset, received)
            return true
        }

        /// Whether what is here has the size and sha256 that the hub states.
        func isRight(_ reply: HubClient.Reply) throws(FileError) -> Bool {
            if !isPlaced {
                // An empty file brings no bytes.
                guard ftruncate(descriptor, off_t(offset)) == 0 else { throw FileError(.write, path) }
            }
            if let size = reply.hubHeader("X-Linked-Size").flatMap(Int.init), size != offset { return false }
            let etag = reply.hubHeader("X-Linked-Etag")?.filter { $0 != "\"" } ?? ""
            guard etag.utf8.count == 64 else { return true }
            return try SHA256.hex(contentsOf: path) == etag
        }
    }
}
