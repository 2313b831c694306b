import CLinux
import Foundation

/// What the system says about the last call that failed.
private func lastReason() -> String { String(cString: strerror(errno)) }

/// File operations whose failures name the file and say what to do.
package enum Files {
    /// Makes a folder and those above it.
    package static func makeFolder(_ path: String) throws(Failure) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw unwritable(path, error)
        }
    }

    /// Copies a file, or clones it where the file system can, and flushes it to disk.
    package static func copy(_ source: String, to destination: String, mode: UInt32) throws(Failure) {
        let from = open(source, O_RDONLY | O_CLOEXEC)
        guard from >= 0 else { throw .failed("cannot read \(source): \(lastReason())") }
        defer { close(from) }
        let to = open(destination, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard to >= 0 else { throw unwritable(destination, lastReason()) }
        defer { close(to) }
        if ioctl(to, UInt(SPD_FICLONE), from) == 0 {
            // The file system keeps the bytes once for both.
            guard fsync(to) == 0 else { throw unwritable(destination, lastReason()) }
            return
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            try Interruption.check()
            let count = read(from, &buffer, buffer.count)
            guard count >= 0 else { throw .failed("cannot read \(source): \(lastReason())") }
            if count == 0 { break }
            try write(buffer[..<count], to: to, destination)
        }
        guard fsync(to) == 0 else { throw unwritable(destination, lastReason()) }
    }

    /// Writes a file and flushes it to disk.
    package static func write(_ text: String, to path: String, mode: UInt32 = 0o644) throws(Failure) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard file >= 0 else { throw unwritable(path, lastReason()) }
        defer { close(file) }
        try write(Array(text.utf8)[...], to: file, path)
        guard fsync(file) == 0 else { throw unwritable(path, lastReason()) }
    }

    /// Flushes what another process has written into a file to disk.
    package static func flush(_ path: String) throws(Failure) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw unwritable(path, lastReason()) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw unwritable(path, lastReason()) }
    }

    /// Renames a file or folder and brings the new name to disk.
    package static func publish(_ folder: String, as name: String) throws(Failure) {
        guard rename(folder, name) == 0 else { throw unwritable(name, lastReason()) }
        let parent = open(String(name[..<(name.lastIndex(of: "/") ?? name.endIndex)]), O_RDONLY | O_CLOEXEC)
        guard parent >= 0 else { throw unwritable(name, lastReason()) }
        defer { close(parent) }
        guard fsync(parent) == 0 else { throw unwritable(name, lastReason()) }
    }

    /// Removes a folder that this program made, as far as it can.
    package static func discard(_ folder: String) {
        do { try FileManager.default.removeItem(atPath: folder) } catch {
            if !isMissing(folder) {
                printError("could not remove \(folder): \(error.localizedDescription)")
            }
        }
    }

    /// Removes a folder and all that is in it.
    package static func remove(_ folder: String) throws(Failure) {
        do { try FileManager.default.removeItem(atPath: folder) } catch {
            guard !isMissing(folder) else { return }
            throw .failed(
                "cannot delete all of \(folder): \(error.localizedDescription); "
                    + (ownerInTheWay(of: folder).map { "\($0.path) belongs to \($0.owner), who can delete it" }
                        ?? "try again"))
        }
    }

    /// The first folder, from the one above to those inside, from which this user may remove nothing since it is another's.
    private static func ownerInTheWay(of folder: String) -> (path: String, owner: String)? {
        let above = String(folder[..<(folder.lastIndex(of: "/") ?? folder.endIndex)])
        var paths = [above, folder]
        if let names = FileManager.default.enumerator(atPath: folder) {
            for case let name as String in names { paths.append(folder + "/" + name) }
        }
        for path in paths {
            var info = stat()
            guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR, access(path, W_OK | X_OK) != 0,
                info.st_uid != geteuid()
            else { continue }
            let name = getpwuid(info.st_uid).flatMap { $0.pointee.pw_name }.map { String(cString: $0) }
            return (path, name ?? "user \(info.st_uid)")
        }
        return nil
    }

    /// Whether nothing has this name, rather than something that cannot be looked at.
    package static func isMissing(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) != 0 && errno == ENOENT
    }

    /// A file below a folder.
    package struct Size {
        package let name: String
        package let bytes: Int
        /// The identity shared by all names of a file; nil for a file with one name.
        package let link: [UInt64]?
    }

    /// The files below a folder and their sizes, by name; none if there is no such folder.
    package static func sizes(in folder: String) throws(Failure) -> [Size] {
        guard access(folder, R_OK | X_OK) == 0 else {
            guard errno == ENOENT else { throw .failed("cannot look into \(folder): \(lastReason())") }
            return []
        }
        let names = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
        return names.sorted().compactMap { name in
            var info = stat()
            guard lstat(folder + "/" + name, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
            return Size(
                name: name, bytes: Int(info.st_size),
                link: info.st_nlink > 1 ? [UInt64(info.st_dev), UInt64(info.st_ino)] : nil)
        }
    }

    private static func write(_ bytes: ArraySlice<UInt8>, to file: Int32, _ path: String) throws(Failure) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { throw unwritable(path, lastReason()) }
            rest = rest.dropFirst(count)
        }
    }

    private static func unwritable(_ path: String, _ error: any Error) -> Failure {
        let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
        let posix = ((cause ?? error) as NSError)
        let reason =
            posix.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32(posix.code))) : "\(error)"
        return unwritable(path, reason)
    }

    private static func unwritable(_ path: String, _ reason: String) -> Failure {
        let isFull = [ENOSPC, EDQUOT, EFBIG].contains { String(cString: strerror($0)) == reason }
        return .failed(
            "cannot write \(path): \(reason); nothing was stored; "
                + "make \(isFull ? "room there" : "it writable") or set SPD_CACHE_DIR to another folder")
    }
}
