import Foundation
import GRDB

/// A state file that is read by somebody who may not change it, or would keep its owner out by what is left next to it.
///
/// Nothing is written: neither the file nor the companions that SQLite makes even for readers.
struct StateView: Sendable {
    let cache: CacheFolder
    /// Statistics on waiting for locks.
    let configuration: Configuration

    /// Reads a consistent view.
    func read<T>(_ body: (Database) throws -> T) throws -> T {
        var failures = 0
        while true {
            do {
                return try open().read(body)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT && failures < 5 {
                // A file that is read as if nobody changed it was changed.
                failures += 1
                usleep(20_000)
            }
        }
    }

    /// Opened for each read, because the way depends on what others currently have next to the file.
    private func open() throws -> DatabaseQueue {
        let database = try openAsItIs()
        guard try !Schema.isUpToDate(database, path: cache.stateFile) else { return database }
        // Its owner has not used this version yet.
        let copy = try DatabaseQueue()
        try database.backup(to: copy)
        try Schema.migrator.migrate(copy)
        return copy
    }

    private func openAsItIs() throws -> DatabaseQueue {
        var reading = configuration
        reading.readonly = true
        guard try isLogged() else { return try DatabaseQueue(path: cache.stateFile, configuration: reading) }
        let log = size(of: cache.stateFile + "-wal")
        if (log ?? 0) == 0 { return try DatabaseQueue(path: uri("immutable=1"), configuration: reading) }
        if size(of: cache.stateFile + "-shm") != nil {
            return try DatabaseQueue(path: uri("readonly_shm=1"), configuration: reading)
        }
        return try copyWithLog()
    }

    /// What a log holds that nobody has open and whose index is gone can only be taken in, so that is done elsewhere.
    private func copyWithLog() throws -> DatabaseQueue {
        let files = FileManager.default
        let place = try files.url(
            for: .itemReplacementDirectory, in: .userDomainMask, appropriateFor: files.temporaryDirectory, create: true)
        defer { try? files.removeItem(at: place) }
        let copy = CacheFolder(path: place.path).stateFile
        for companion in ["", "-wal"] {
            try files.copyItem(atPath: cache.stateFile + companion, toPath: copy + companion)
        }
        let memory = try DatabaseQueue()
        try DatabaseQueue(path: copy).backup(to: memory)
        return memory
    }

    /// Whether the file's changes go into a write-ahead log first, by the file's own word (bytes 18 and 19).
    private func isLogged() throws -> Bool {
        let file = Foundation.open(cache.stateFile, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw StoreError.unreadable(path: cache.stateFile, reason: String(cString: strerror(errno)))
        }
        defer { close(file) }
        var bytes: [UInt8] = [0, 0]
        return pread(file, &bytes, 2, 18) == 2 && bytes[1] == 2
    }

    private func size(of path: String) -> Int? {
        var info = stat()
        return stat(path, &info) == 0 ? Int(info.st_size) : nil
    }

    private func uri(_ parameter: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
        let path = cache.stateFile.utf8.map { byte in
            plain.contains(byte)
                ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
        return "file:\(path.joined())?\(parameter)"
    }
}
