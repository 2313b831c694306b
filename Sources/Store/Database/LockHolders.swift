import Artifacts
import Foundation

/// The processes of this machine that keep a state file locked, as the kernel lists them.
enum LockHolders {
    /// Which processes hold a write lock on the state file at `path`, or on what SQLite keeps next to it: `1234
    /// (worker)`.
    ///
    /// Empty if nobody is found: the process may run on another machine.
    static func names(ofFile path: String) -> [String] {
        let files = Set(["", "-wal", "-shm", "-journal"].compactMap { inode(of: path + $0) })
        guard let locks = FileManager.default.contents(atPath: "/proc/locks") else { return [] }
        let holders = pids(in: String(decoding: locks, as: UTF8.self), holding: files)
        return holders.subtracting([getpid()]).sorted().map(name(of:))
    }

    /// The processes that hold write locks on files with the given inodes, in the text of `/proc/locks`.
    static func pids(in locks: String, holding inodes: Set<String>) -> Set<pid_t> {
        var pids: Set<pid_t> = []
        for line in locks.split(separator: "\n") {
            // 1: POSIX  ADVISORY  WRITE 1234 fe:00:12345 0 EOF; a second field "->" marks one that waits.
            let fields = line.split(separator: " ")
            guard fields.count == 8, fields[3] == "WRITE", let pid = pid_t(fields[4]), pid > 0,
                let inode = fields[5].split(separator: ":").last, inodes.contains(String(inode))
            else { continue }
            pids.insert(pid)
        }
        return pids
    }

    /// Whether the state file at `path` has a write-ahead log, which goes when its last user closes it.
    static func isLogged(_ path: String) -> Bool { inode(of: path + "-wal") != nil }

    /// The processes of this machine that have the state file at `path` open with a write-ahead log: `1234 (worker)`.
    ///
    /// - Parameters:
    ///   - path: The state file.
    ///   - own: A process that does not count.
    /// - Returns: Those that can be read; another user's processes can't.
    static func users(ofLogged path: String, besides own: pid_t = getpid()) -> [String] {
        guard isLogged(path) else { return [] }
        let file = URL(filePath: path).resolvingSymlinksInPath().path
        let processes = (try? FolderListing.names(in: "/proc")) ?? []
        return processes.compactMap(pid_t.init).filter { $0 != own }.sorted().filter { pid in
            let folder = "/proc/\(pid)/fd"
            // Another user's processes can't be read.
            let open = (try? FolderListing.names(in: folder)) ?? []
            return open.contains {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + $0)) == file
            }
        }.map(name(of:))
    }

    /// `1234 (worker)`.
    private static func name(of pid: pid_t) -> String {
        let name = FileManager.default.contents(atPath: "/proc/\(pid)/comm") ?? Data("?".utf8)
        return "\(pid) (\(String(decoding: name, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)))"
    }

    private static func inode(of path: String) -> String? {
        var info = stat()
        return stat(path, &info) == 0 ? String(info.st_ino) : nil
    }
}
