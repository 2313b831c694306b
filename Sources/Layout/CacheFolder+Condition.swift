import Artifacts
import Glibc

extension CacheFolder {
    /// What is in a cache folder, according to the file system.
    public enum Condition: Equatable, Sendable {
        /// Nothing was ever submitted to it; the folder itself may be missing.
        case unused
        /// There is a state file.
        case kept
        /// There are folders of jobs, and the state file holds nothing: a file server that crashed, or a full quota, can
        /// do that.
        case emptied(jobs: Int)
        /// There are folders of jobs and no state file.
        case stateless(jobs: Int)
    }

    /// Looks at what is in the folder.
    ///
    /// A folder that cannot be looked at is never mistaken for an empty one.
    public func condition() throws(CacheFolderError) -> Condition {
        guard let folder = try Self.status(of: path) else { return .unused }
        guard folder.st_mode & S_IFMT == S_IFDIR else { throw .notAFolder(path: path) }
        guard let file = try Self.status(of: stateFile) else {
            let jobs = try jobCount()
            return jobs == 0 ? .unused : .stateless(jobs: jobs)
        }
        guard file.st_mode & S_IFMT == S_IFREG else {
            throw .unreachable(path: stateFile, reason: "it is not a regular file")
        }
        // SQLite takes a file of one byte for a new one, too.
        guard file.st_size <= 1 else { return .kept }
        // A first submission that begins right now has no job yet.
        let jobs = try jobCount()
        return jobs == 0 ? .unused : .emptied(jobs: jobs)
    }

    /// What SQLite keeps next to the state file while it is in use, or after a crash.
    public var stateCompanions: [String] { ["-wal", "-shm", "-journal"].map { stateFile + $0 } }

    /// How many folders are named as those of jobs.
    private func jobCount() throws(CacheFolderError) -> Int {
        do throws(FileError) {
            return try FolderListing.names(in: jobs).count { Int64($0).map { $0 > 0 } ?? false }
        } catch {
            throw .unreachable(path: jobs, reason: error.reason)
        }
    }

    /// The file that stands where a path needs a folder.
    private static func fileAbove(_ path: String) -> String {
        var above = path
        var info = stat()
        while stat(above, &info) != 0, let slash = above.lastIndex(of: "/"), slash != above.startIndex {
            above = String(above[..<slash])
        }
        return above
    }

    private static func status(of path: String) throws(CacheFolderError) -> stat? {
        var info = stat()
        if stat(path, &info) == 0 { return info }
        switch errno {
        case ENOENT:
            guard lstat(path, &info) != 0 else {
                throw .unreachable(path: path, reason: "it is a dangling link")
            }
            return nil
        case ENOTDIR: throw .notAFolder(path: fileAbove(path))
        case let reason: throw .unreachable(path: path, reason: String(cString: strerror(reason)))
        }
    }
}
