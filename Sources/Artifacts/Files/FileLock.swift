import Glibc

/// A lock on a file that ends with its process, however that ends; it works across nodes where the file system does.
public struct FileLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock if nobody has it.
    ///
    /// - Returns: Nil if another process, or another part of this one, has it.
    /// - Throws: `FileError` if the file cannot be created.
    public init?(path: String) throws(FileError) {
        var attempts = 0
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw FileError(.create, path) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let error = FileError(.create, path)
                let isTaken = errno == EWOULDBLOCK
                close(descriptor)
                guard isTaken else { throw error }
                return nil
            }
            // Its last holder may have deleted the file: the next one creates another, and both would hold a lock.
            var (held, named) = (stat(), stat())
            attempts += 1
            if attempts > 100
                || fstat(descriptor, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino
                    && held.st_dev == named.st_dev
            {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    /// Gives the lock back.
    public func release() {
        close(descriptor)
    }
}

extension FileLock {
    /// Takes the lock, once whoever has it has given it back.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - tell: Says that it is waited for: called once, if somebody else has it.
    ///   - shouldStop: Asked several times a second; true gives up.
    /// - Returns: Nil if it was given up.
    /// - Throws: `FileError` if the file cannot be created.
    public static func waiting(
        for path: String, tell: () -> Void = {}, shouldStop: () -> Bool
    ) throws(FileError) -> FileLock? {
        var hasTold = false
        while true {
            if let lock = try FileLock(path: path) { return lock }
            if !hasTold { tell() }
            hasTold = true
            if shouldStop() { return nil }
            // Not all who wait ask at the same moments.
            usleep(.random(in: 100_000...300_000))
        }
    }

    /// Takes the lock, once whoever has it has given it back, and blocks no thread meanwhile.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - limit: How long to wait.
    ///   - check: Called several times a second; what it throws ends the waiting.
    /// - Returns: Nil if that takes longer.
    /// - Throws: `FileError` if the file cannot be created; what `check` throws.
    public static func waiting(
        for path: String, atMost limit: Duration, check: () throws -> Void
    ) async throws -> FileLock? {
        let end = ContinuousClock.now + limit
        while true {
            if let lock = try FileLock(path: path) { return lock }
            try check()
            guard .now < end else { return nil }
            try await Task.sleep(for: .milliseconds(.random(in: 50...150)))
        }
    }
}
