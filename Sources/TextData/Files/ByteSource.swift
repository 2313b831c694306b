import Glibc

/// A file that is read at any place.
final class ByteSource {
    let path: String
    /// Its size, in bytes.
    let count: Int
    private let descriptor: Int32
    /// Where the last bytes that were read end: how far a reader is.
    private(set) var position = 0

    /// Opens a file.
    ///
    /// - Throws: a `Fault` with the system's reason.
    init(path: String) throws(Fault) {
        // A pipe is refused below, without waiting for it.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Fault("cannot be read: \(String(cString: strerror(errno)))") }
        var information = stat()
        guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw Fault("is not a file")
        }
        self.path = path
        count = Int(information.st_size)
    }

    deinit { close(descriptor) }

    /// Reads exactly these bytes.
    ///
    /// - Throws: a `Fault` if they are not all there.
    func read(_ range: Range<Int>) throws(Fault) -> [UInt8] {
        guard range.lowerBound >= 0, range.upperBound <= count else {
            throw .damaged("it ends at byte \(count), and bytes up to \(range.upperBound) are named")
        }
        let bytes = try read(at: range.lowerBound, upTo: range.count)
        guard bytes.count == range.count else { throw .damaged("it became shorter while it was read") }
        return bytes
    }

    /// Reads as many bytes as there are from a place on, at most this many.
    func read(at offset: Int, upTo length: Int) throws(Fault) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
            while filled < length, let base = buffer.baseAddress {
                let got = pread(descriptor, base + filled, length - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { return }
                filled += got
            }
        }
        guard failure == 0 else { throw Fault("cannot be read: \(String(cString: strerror(failure)))") }
        position = offset + bytes.count
        return bytes
    }
}
