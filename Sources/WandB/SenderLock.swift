import Glibc

/// The right to send a folder's rows, which one process has at a time.
struct SenderLock: ~Copyable {
    private let descriptor: Int32

    /// Takes the right, or returns nil while another holds it.
    ///
    /// A file system without locks gives it to everyone: two senders cost requests, not rows, because the same
    /// lines go to the same offsets.
    static func take(_ path: String) throws(SpoolError) -> SenderLock? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .cannotCreate(path: path, reason: SpoolError.systemReason) }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(descriptor)
            return nil
        }
        return SenderLock(descriptor: descriptor)
    }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }
}
