import Artifacts
import Glibc
import Synchronization

/// A file's bytes in memory, read-only.
final class Mapping: @unchecked Sendable {
    // The bytes never change and are unmapped with the last reference.
    let bytes: UnsafeRawBufferPointer

    /// A file as this process has found it whole.
    private struct Seen: Hashable {
        let device: UInt
        let inode: UInt
        let size: Int
        let seconds: Int
        let nanoseconds: Int
        let checksum: UInt32
    }

    /// An agent opens the same files for each of its runs.
    private static let whole = Mutex<Set<Seen>>([])

    /// Maps a file that should have this size and checksum.
    ///
    /// - Throws: `FileError` if it can't be read, or is not what it should be.
    init(_ path: String, bytes count: Int, checksum: UInt32) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(.read, path) }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw FileError(.read, path) }
        guard count >= 0, Int(information.st_size) == count else {
            throw FileError(
                .read, path,
                reason: "it should hold \(count) bytes and holds \(information.st_size); delete its folder "
                    + "to encode the text again", cause: .damage)
        }
        let seen = Seen(
            device: UInt(information.st_dev), inode: UInt(information.st_ino), size: count,
            seconds: information.st_mtim.tv_sec, nanoseconds: information.st_mtim.tv_nsec, checksum: checksum)
        if !Self.whole.withLock({ $0.contains(seen) }) {
            let found = try CRC32.of(descriptor, path: path)
            guard found == checksum else {
                throw FileError(
                    .read, path,
                    reason: "its bytes are not those that were written: their checksum should be \(checksum) and is "
                        + "\(found); delete its folder to encode the text again", cause: .damage)
            }
            Self.whole.withLock { _ = $0.insert(seen) }
        }
        guard count > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            throw FileError(.read, path)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }
}
