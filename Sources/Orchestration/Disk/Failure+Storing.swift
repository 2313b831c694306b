package import Artifacts
import Glibc

extension Failure {
    /// What keeps something from being stored in the cache.
    package init(unwritable error: FileError) {
        // Advice as for a cache; the error's own is for any file.
        let reason = error.code.map { String(cString: strerror($0)) } ?? error.reason
        let isFull = error.isOutOfRoom || error.code == EFBIG
        self = .failed(
            "cannot write \(error.path): \(reason); nothing was stored; "
                + "make \(isFull ? "room there" : "it writable") or set SPD_CACHE_DIR to another folder")
    }
}

/// Writes to the cache; what keeps it from that becomes a ``Failure``.
package func storing<T>(_ body: () throws(FileError) -> T) throws(Failure) -> T {
    do throws(FileError) { return try body() } catch { throw Failure(unwritable: error) }
}
