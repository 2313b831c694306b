package import Artifacts
import Foundation

/// What a process sees of a file that another one may have locked: both kinds of locks that this program relies on.
package struct LockReport: Codable, Equatable {
    package enum State: Codable, Equatable {
        case free
        case held
        case unsupported(reason: String)
    }

    /// Locks on ranges of bytes (`fcntl`): SQLite's.
    package let ranges: State
    /// Locks on whole files (`flock`): those on targets and spools.
    package let whole: State

    /// Looks at a file.
    package init(lookingAt path: String) {
        ranges = Self.state(of: path) { lock in lock.takeRange() }
        whole = Self.state(of: path) { lock in lock.takeWhole() }
    }

    package init(ranges: State, whole: State) {
        self.ranges = ranges
        self.whole = whole
    }

    package static let held = LockReport(ranges: .held, whole: .held)
    package static let free = LockReport(ranges: .free, whole: .free)

    /// What another process sees, while this one holds both locks or after it has given them back.
    ///
    /// - Parameters:
    ///   - expected: What it should see.
    ///   - subject: What the finding is about.
    ///   - other: Who else looks: `another process`, `n2`.
    /// - Returns: A finding if it sees anything else.
    package func problem(expected: LockReport, subject: String, other: String) -> Finding? {
        guard self != expected else { return nil }
        for (state, kind) in [(ranges, "byte-range locks (fcntl)"), (whole, "file locks (flock)")] {
            if case .unsupported(let reason) = state {
                return .problem(subject, "\(kind) do not work here: \(reason)", Self.advice)
            }
        }
        if expected == .held {
            return .problem(
                subject, "\(other) does not see that a file is locked: two agents could change the state at once",
                Self.advice)
        }
        return .problem(subject, "\(other) finds a file locked after its lock was released", Self.advice)
    }

    private static let advice =
        "NFS: mount with locks (no `nolock`, a lock service for version 3); Lustre: mount with `flock`; else set "
        + "SPD_CACHE_DIR to a file system that has them"

    private static func state(of path: String, _ take: (HeldLocks) -> Int32) -> State {
        do throws(FileError) {
            let lock = try HeldLocks(opening: path)
            defer { lock.close() }
            switch take(lock) {
            case 0: return .free
            case EAGAIN, EACCES: return .held
            case let reason: return .unsupported(reason: String(cString: strerror(reason)))
            }
        } catch {
            return .unsupported(reason: error.reason)
        }
    }
}

/// A file that this process locks in both ways.
package struct HeldLocks {
    private let file: Int32

    /// Opens the file, which is made if it is missing.
    package init(opening path: String) throws(FileError) {
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw FileError(.create, path, reason: String(cString: strerror(errno))) }
    }

    /// Opens the file and takes both locks.
    package init(taking path: String) throws(FileError) {
        try self.init(opening: path)
        let reason = [takeRange(), takeWhole()].first { $0 != 0 }
        guard let reason else { return }
        close()
        throw FileError(.create, path, reason: "it cannot be locked: \(String(cString: strerror(reason)))")
    }

    /// Locks a byte as SQLite does; 0, or why not.
    package func takeRange() -> Int32 {
        var range = flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        range.l_start = 0x4000_0000
        range.l_len = 1
        return fcntl(file, F_SETLK, &range) == 0 ? 0 : errno
    }

    /// Locks the file as ``FileLock`` does; 0, or why not.
    package func takeWhole() -> Int32 { flock(file, LOCK_EX | LOCK_NB) == 0 ? 0 : errno }

    /// Changes the file's first byte in its place and flushes that to disk.
    package func write(_ byte: UInt8) throws(FileError) {
        guard pwrite(file, [byte], 1, 0) == 1, fsync(file) == 0 else {
            throw FileError(.write, "the locked file", reason: String(cString: strerror(errno)))
        }
    }

    /// The file's first byte as this machine sees it.
    package var byte: UInt8? {
        var bytes: [UInt8] = [0]
        return pread(file, &bytes, 1, 0) == 1 ? bytes[0] : nil
    }

    /// Gives all locks back.
    package func close() { Foundation.close(file) }
}
