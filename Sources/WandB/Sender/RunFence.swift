import Glibc

/// Checks whether a tracking folder is still ours: the next process to open it replaces `run.json`.
///
/// The file that we wrote is kept open, so no later one gets its number.
struct RunFence: ~Copyable {
    private let path: String
    private let descriptor: Int32

    /// Stands guard over the `run.json` that was just written.
    init(path: String) throws(SpoolError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .cannotRead(path: path, reason: SpoolError.systemReason) }
    }

    deinit { close(descriptor) }

    /// Whether nobody has opened the folder since.
    var isIntact: Bool {
        var ours = stat()
        var current = stat()
        guard fstat(descriptor, &ours) == 0 else { return true }
        // A run that has been folded is over; anything unreadable for another reason is no sign of a successor.
        guard stat(path, &current) == 0 else { return errno != ENOENT }
        return ours.st_ino == current.st_ino && ours.st_dev == current.st_dev
    }
}
