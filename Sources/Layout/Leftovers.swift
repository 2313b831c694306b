public import Artifacts
import Glibc

/// A crash's leftovers in a cache folder.
public struct Leftover: Sendable, Equatable {
    /// What it would have become, or was.
    public enum Kind: String, Sendable, CaseIterable {
        /// The folder of a job that was about to be submitted.
        case submission
        /// A copy of a user's target.
        case targetCopy
        /// A target that was being trained.
        case training
        /// A target that was being downloaded from W&B.
        case download
        /// A text that was being encoded.
        case encoding
        /// Encoded text in a form that is not read any more.
        case earlierTokens
        /// A file of a model or data set that was being downloaded from the hub.
        case hubFile
        /// Files of a doctor's checks.
        case check
        /// A worker that a job was about to get in the place of an earlier version's.
        case worker
        /// The folder of a job that the state file did not know when its number was given again.
        case replacedJob
        /// A copy of a target that was no longer what it had been.
        case damagedTarget
        /// A file that did not get its name.
        case unfinishedFile
        /// The heartbeat of a process that sent runs to W&B.
        case sender
    }

    /// What it is.
    public let kind: Kind
    /// The file or folder.
    public let path: String
    /// How to tell whether somebody is using it.
    public let owner: Owner

    /// How a leftover is distinguished from what somebody is working on.
    public enum Owner: Sendable, Equatable {
        /// Nobody can be.
        case none
        /// The process that holds the lock on this file.
        case lock(String)
        /// Nobody, once it has not changed for this long.
        case silent(Duration)
    }
}

extension Leftover {
    /// Whether nobody is using it.
    ///
    /// - Returns: False while somebody may be.
    /// - Throws: `FileError` if that cannot be found out.
    public func isDead() throws(FileError) -> Bool {
        switch owner {
        case .none: return true
        case .silent(let age): return try isSilent(for: age)
        case .lock(let file):
            guard let lock = try free(file) else { return false }
            lock.release()
            return true
        }
    }

    /// Deletes it with `delete` if nobody is using it, and keeps out others who would start using it meanwhile.
    ///
    /// - Throws: What `delete` throws; `FileError` if it cannot be found out whether somebody is.
    public func delete(_ delete: () throws -> Void) throws {
        switch owner {
        case .none: try delete()
        case .silent(let age): if try isSilent(for: age) { try delete() }
        case .lock(let file):
            guard let lock = try free(file) else { return }
            defer { lock.release() }
            try delete()
            // A target's lock stays for the next who trains it.
            if kind == .submission || kind == .targetCopy || kind == .worker { unlink(file) }
        }
    }

    private func isSilent(for age: Duration) throws(FileError) -> Bool {
        var info = stat()
        guard lstat(path, &info) == 0 else {
            guard errno == ENOENT else { throw FileError(.read, path) }
            return false
        }
        return Duration.seconds(time(nil) - info.st_mtim.tv_sec) > age
    }

    /// The lock, if nobody has it; one that is gone belonged to somebody who has just finished.
    private func free(_ file: String) throws(FileError) -> FileLock? {
        guard try FolderListing.holds(file) else { return nil }
        return try FileLock(path: file)
    }
}

extension CacheFolder {
    /// Everything in the folder that a crash may have left, by path, with what somebody may still be using.
    ///
    /// - Throws: `FileError` if a folder cannot be listed.
    public func leftovers() throws(FileError) -> [Leftover] {
        var found: [Leftover] = []
        for (folder, kinds) in [
            (path, [Leftover.Kind.check, .unfinishedFile]), (jobs, [.submission, .replacedJob, .unfinishedFile]),
            (senders, [.unfinishedFile, .sender]), (targets.path, [.targetCopy, .training, .damagedTarget]),
            (runs, [.download]), (tokens, [.encoding, .earlierTokens]),
        ] {
            for name in try FolderListing.names(in: folder) {
                found += kinds.lazy.compactMap { $0.leftover(name, in: folder) }.prefix(1)
            }
        }
        for name in try FolderListing.names(in: jobs) where Int64(name) != nil {
            let folder = jobs + "/" + name
            let kinds: [Leftover.Kind] = [.worker, .unfinishedFile]
            for name in try FolderListing.names(in: folder) {
                found += kinds.lazy.compactMap { $0.leftover(name, in: folder) }.prefix(1)
            }
        }
        for name in try FolderListing.names(in: hub) { found += try Self.hubLeftovers(in: hub + "/" + name) }
        return found.sorted { $0.path < $1.path }
    }

    /// Blobs of a model or data set that did not get their names, or that no snapshot has.
    private static func hubLeftovers(in folder: String) throws(FileError) -> [Leftover] {
        let blobs = try FolderListing.names(in: folder + "/blobs")
        guard !blobs.isEmpty else { return [] }
        var linked: Set<String> = []
        var folders = [folder + "/snapshots"]
        while let next = folders.popLast() {
            for name in try FolderListing.names(in: next) {
                let path = next + "/" + name
                var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
                let count = readlink(path, &buffer, buffer.count)
                guard count > 0 else {
                    if isFolder(path) { folders.append(path) }
                    continue
                }
                let target = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
                linked.insert(target.split(separator: "/").last.map(String.init) ?? "")
            }
        }
        return blobs.filter { !linked.contains($0) }.map {
            Leftover(kind: .hubFile, path: folder + "/blobs/" + $0, owner: .lock(Self.lock(ofHubFolder: folder)))
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }
}

extension Leftover.Kind {
    /// What a file or folder with this name was left by, if it is of this kind.
    fileprivate func leftover(_ name: String, in folder: String) -> Leftover? {
        let path = folder + "/" + name
        func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }
        // Earlier versions had no lock.
        func owned(by lock: String) -> Leftover {
            Leftover(kind: self, path: path, owner: isThere(lock) ? .lock(lock) : .silent(.seconds(86_400)))
        }
        func aside() -> Leftover? {
            guard name.hasPrefix(Aside.prefix) else { return nil }
            guard name.hasSuffix(Aside.lockSuffix) else { return owned(by: Aside.lock(of: path)) }
            // Part of its folder, unless that is gone.
            let folder = String(path.dropLast(Aside.lockSuffix.count))
            return isThere(folder) ? nil : Leftover(kind: self, path: path, owner: .lock(path))
        }
        switch self {
        case .submission, .targetCopy: return aside()
        case .worker:
            guard JobFolder.isUnfinishedWorker(name) else { return nil }
            return name.hasPrefix(Aside.prefix) ? aside() : owned(by: Aside.lock(of: path))
        case .training, .download:
            guard let place = Aside.place(ofUnfinished: name) else { return nil }
            return Leftover(kind: self, path: path, owner: .lock(Aside.lock(of: folder + "/" + place)))
        case .encoding:
            if name.hasSuffix(Aside.lockSuffix) { return Leftover(kind: self, path: path, owner: .lock(path)) }
            guard let split = Aside.place(ofUnfinished: name) else { return nil }
            return owned(by: Aside.lock(of: folder + "/" + split))
        case .earlierTokens:
            // They had no checksums.
            guard name.utf8.count == 32, let info = try? DurableFile.read(path + "/info.json", limit: 1 << 20) else {
                return nil
            }
            let text = String(decoding: info, as: UTF8.self)
            return text.contains("\"bytes_per_token\"") && !text.contains("\"crc32\"")
                ? Leftover(kind: self, path: path, owner: .silent(.seconds(86_400))) : nil
        case .hubFile: return nil
        case .check:
            return CacheFolder.isCheck(name)
                ? Leftover(kind: self, path: path, owner: .silent(.seconds(86_400))) : nil
        case .replacedJob:
            return CacheFolder.isReplaced(name) ? Leftover(kind: self, path: path, owner: .none) : nil
        case .damagedTarget:
            return TargetsFolder.isDamaged(name) ? Leftover(kind: self, path: path, owner: .none) : nil
        case .sender:
            // It is touched every few seconds.
            return CacheFolder.isSender(name) ? Leftover(kind: self, path: path, owner: .silent(.seconds(3600))) : nil
        case .unfinishedFile:
            return DurableFile.isUnfinished(name)
                ? Leftover(kind: self, path: path, owner: .silent(.seconds(3600))) : nil
        }
    }
}
