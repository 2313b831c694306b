import Glibc

/// Files that appear whole or not at all: written next to their place, flushed to disk, renamed.
public enum DurableFile {
    /// Replaces the file at `path` by `bytes`.
    ///
    /// A crash at any moment leaves either the old file or the new one.
    ///
    /// - Parameters:
    ///   - bytes: The new contents.
    ///   - path: The file.
    ///   - mode: Who may read it, as far as the process's umask lets them.
    ///   - flush: What of it has to outlast a power cut too.
    /// - Throws: `FileError` with the system's reason; the old file is then untouched.
    public static func write(
        _ bytes: [UInt8], to path: String, mode: UInt32 = 0o644, flush: Flush = .contentsAndName
    ) throws(FileError) {
        let (descriptor, temporary) = try writeBeside(bytes, path, mode, flush)
        // NFS and quotas may refuse the data as late as here.
        guard close(descriptor) == 0, Glibc.rename(temporary, path) == 0 else {
            let error = FileError(.write, path)
            unlink(temporary)
            throw error
        }
        if flush == .contentsAndName { try flushFolder(of: path) }
    }

    /// Replaces the file at `path` by `bytes` and leaves the new one open, to be appended to.
    ///
    /// A process that still has the old file open writes into nothing from now on.
    ///
    /// - Parameters:
    ///   - bytes: What the file begins with.
    ///   - path: The file.
    ///   - flush: What of it has to outlast a power cut too.
    /// - Returns: The new file's descriptor, at its end; the caller closes it.
    /// - Throws: `FileError` with the system's reason; the old file is then untouched.
    public static func writeToAppend(
        _ bytes: [UInt8], to path: String, flush: Flush = .contentsAndName
    ) throws(FileError) -> Int32 {
        let (descriptor, temporary) = try writeBeside(bytes, path, 0o644, flush)
        guard Glibc.rename(temporary, path) == 0 else {
            let error = FileError(.write, path)
            close(descriptor)
            unlink(temporary)
            throw error
        }
        if flush == .contentsAndName { try flushFolder(of: path) }
        return descriptor
    }

    /// Opens a file to append to it, new or again, for the caller to close.
    ///
    /// A file that has other names, or is a link to one elsewhere, first gets bytes of its own: a copy of a folder that was
    /// made of links, as backups are, shares its files' bytes with the original.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - isRead: Whether it is read, too.
    /// - Returns: The file's descriptor.
    /// - Throws: `FileError` with the system's reason.
    public static func openToAppend(_ path: String, isRead: Bool = false) throws(FileError) -> Int32 {
        var (own, info) = (stat(), stat())
        if lstat(path, &own) == 0, stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG,
            info.st_nlink > 1 || own.st_mode & S_IFMT == S_IFLNK
        {
            try write(try read(path, limit: .max), to: path, flush: .contents)
        }
        let descriptor = open(path, (isRead ? O_RDWR : O_WRONLY) | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(.create, path) }
        return descriptor
    }

    /// Whether a file of this name is what a crash has left of a file that did not get its name.
    public static func isUnfinished(_ name: String) -> Bool { name.hasSuffix(suffix) }

    /// Removes killed processes' leftover files in a folder: a file is written in much less than a minute.
    ///
    /// - Parameters:
    ///   - names: The files' own names; nil for all.
    ///   - folder: The folder.
    ///   - age: What is younger, in seconds, may still be written; with 0, all go.
    public static func removeUnfinished(of names: Set<String>? = nil, in folder: String, olderThan age: Int = 60) {
        // What cannot be listed or removed takes room, and hinders nobody.
        for name in (try? FolderListing.names(in: folder)) ?? [] where isUnfinished(name) {
            let parts = name.dropLast(suffix.count).split(separator: ".", omittingEmptySubsequences: false)
            guard names?.contains(parts.dropLast().joined(separator: ".")) != false else { continue }
            var info = stat()
            let path = "\(folder)/\(name)"
            // A file server's clock may be ahead.
            if age == 0 || lstat(path, &info) == 0 && time(nil) - info.st_mtim.tv_sec >= age { unlink(path) }
        }
    }

    /// What has to wait for the disk; each part is one wait.
    public enum Flush: Sendable {
        /// Nothing: the file can be made again.
        case nothing
        /// The bytes: once the name is there, they are.
        case contents
        /// The name too.
        case contentsAndName
    }

    private static let suffix = ".tmp"

    /// Writes a file that has not got its name yet, and flushes it to disk if asked.
    private static func writeBeside(
        _ bytes: [UInt8], _ path: String, _ mode: UInt32, _ flush: Flush
    ) throws(FileError) -> (descriptor: Int32, temporary: String) {
        let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0 ... .max))\(suffix)"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw FileError(.create, path) }
        do throws(FileError) {
            try writeAll(bytes, to: descriptor, path)
            if flush != .nothing { try self.flush(descriptor, path) }
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        return (descriptor, temporary)
    }

    /// Replaces the file at `path` by text in UTF-8.
    ///
    /// - Throws: `FileError` with the system's reason; the old file is then untouched.
    public static func write(
        _ text: String, to path: String, mode: UInt32 = 0o644, flush: Flush = .contentsAndName
    ) throws(FileError) {
        try write(Array(text.utf8), to: path, mode: mode, flush: flush)
    }

    /// Writes bytes into an open file, all of them.
    ///
    /// - Parameters:
    ///   - bytes: What is written.
    ///   - descriptor: The file.
    ///   - path: What it is called where that fails.
    /// - Throws: `FileError` with the system's reason.
    public static func writeAll(
        _ bytes: some Collection<UInt8>, to descriptor: Int32, _ path: String
    ) throws(FileError) {
        let isWritten =
            bytes.withContiguousStorageIfAvailable { writeAll(UnsafeRawBufferPointer($0), to: descriptor) }
            ?? Array(bytes).withUnsafeBytes { writeAll($0, to: descriptor) }
        guard isWritten else { throw FileError(.write, path) }
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = uninterrupted {
                Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }

    /// Brings what was written into an open file to the disk.
    ///
    /// - Parameters:
    ///   - descriptor: The file.
    ///   - path: What it is called where that fails.
    /// - Throws: `FileError` with the system's reason.
    public static func flush(_ descriptor: Int32, _ path: String) throws(FileError) {
        guard uninterrupted({ fsync(descriptor) }) == 0 else { throw FileError(.write, path) }
    }

    /// Brings what another process has written into a file to the disk.
    ///
    /// - Throws: `FileError` with the system's reason.
    public static func flush(_ path: String) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(.write, path) }
        defer { close(descriptor) }
        try flush(descriptor, path)
    }

    /// Renames a file or folder to an unused name, durably.
    ///
    /// - Throws: `FileError` with the system's reason; the old name is then kept.
    public static func rename(_ path: String, to name: String) throws(FileError) {
        guard Glibc.rename(path, name) == 0 else { throw FileError(.create, name) }
        try flushFolder(of: name)
    }

    /// Makes the renaming itself survive a power cut.
    private static func flushFolder(of path: String) throws(FileError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try flush(namesIn: folder.isEmpty ? "/" : folder, for: path)
    }

    /// Brings the names in a folder to the disk.
    ///
    /// - Throws: `FileError` with the system's reason.
    public static func flush(namesIn folder: String) throws(FileError) { try flush(namesIn: folder, for: folder) }

    private static func flush(namesIn folder: String, for path: String) throws(FileError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(.create, path) }
        defer { close(descriptor) }
        // Some file systems cannot flush folders; what they lose there nobody can keep.
        guard uninterrupted({ fsync(descriptor) }) == 0 || errno == EINVAL else { throw FileError(.write, path) }
    }

    /// The whole contents of a file of at most `limit` bytes.
    ///
    /// - Throws: `FileError`, also for a file over the limit and for one that is no regular file.
    public static func read(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError(.read, path) }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw FileError(.read, path) }
        guard info.st_mode & S_IFMT == S_IFREG else {
            throw FileError(.read, path, reason: "it is not a regular file")
        }
        guard info.st_size <= limit else {
            throw FileError(.read, path, reason: "it is \(info.st_size) bytes, over the limit of \(limit)")
        }
        let size = Int(info.st_size)
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            while count < size {
                let got = uninterrupted {
                    Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, size - count)
                }
                guard got > 0 else { break }
                count += got
            }
            initialized = count
        }
        guard count == size else {
            throw FileError(.read, path, reason: "it ended after \(count) of \(size) bytes")
        }
        return bytes
    }

    /// Creates a folder and those above it that are missing.
    ///
    /// - Throws: `FileError` with the system's reason.
    public static func createFolder(_ path: String) throws(FileError) {
        if mkdir(path, 0o755) == 0 { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try createFolder(String(path[..<slash]))
            if mkdir(path, 0o755) == 0 { return }
        }
        var info = stat()
        let error = FileError(.create, path)
        guard errno == EEXIST, stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else { throw error }
    }
}
