import CLinux
import Glibc

/// This process's standard streams, which may be closed, full, or a pipe that nobody reads any more.
public enum StandardStreams {
    /// Takes the places of streams that the process was started without, and makes a file that may grow no more
    /// (`ulimit -f`) an error like a full disk, not a signal that ends the process.
    ///
    /// Else the next file that is opened would be mistaken for standard output, and what is printed would go into it. A
    /// standard output that is closed refuses what is written, as one that is full does.
    public static func prepare() {
        signal(SIGXFSZ, SIG_IGN)
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest number that is free is the one that is missing.
            _ = open("/dev/null", descriptor == STDOUT_FILENO ? O_RDONLY : O_RDWR)
        }
    }

    /// Writes text to standard output at once, as far as it takes it.
    ///
    /// - Returns: Whether all of it was written.
    @discardableResult
    public static func write(_ text: String) -> Bool { write(text, to: STDOUT_FILENO) }

    /// Writes text to standard error, as far as it takes it: if it doesn't, there is nobody left to tell.
    public static func writeError(_ text: String) { _ = write(text, to: STDERR_FILENO) }

    /// Flushes everything that was printed to standard output.
    ///
    /// - Throws: `FileError` if some of it did not get there, now or earlier.
    public static func flush() throws(FileError) {
        let reason = spd_flush_output()
        guard reason != 0 else { return }
        throw FileError(
            .write, "standard output",
            reason: reason > 0 ? String(cString: strerror(reason)) : "not all of it was taken")
    }

    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = uninterrupted { rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
