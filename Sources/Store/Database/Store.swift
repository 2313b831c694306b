import GRDB
import Glibc

/// The state of every job: one SQLite file that orchestrators and agents on any node change at once.
///
/// Each method is one transaction that leaves the state valid; a process that dies in the middle leaves
/// what was before. Methods that change an attempt throw ``StoreError/lostLease(_:)`` when the attempt is
/// no longer its run's current one.
public struct Store: Sendable {
    /// The folder that the state file is in, and all that it speaks of.
    public let cache: CacheFolder
    /// The state file.
    public var path: String { cache.stateFile }
    /// Whether other machines may reach the file, judging by its file system.
    public let isOnNetworkFileSystem: Bool
    let now: @Sendable () -> Timestamp
    private let access: Access
    /// The number of the state file when it was opened.
    private let file: UInt64
    /// The cache that this one is a copy of, if it still exists with the same runs.
    public private(set) var original: Original?

    /// A command's use of the state.
    public enum Use: Sendable {
        /// It only looks: it leaves nothing next to the file that would keep its owner out.
        case looking
        /// It looks again and again, for hours, and must never be in anybody's way: it writes nothing at all.
        case watching
        /// It changes something.
        case changing
    }

    /// How this process uses the file.
    private enum Access {
        case changing(any DatabaseWriter, isLogged: Bool, Turns?)
        case looking(StateView)
    }

    /// How long a change is sure to last.
    enum Lasting {
        /// Through a power cut.
        case whateverHappens
        /// Until the machine stops: with it end all processes that rely on the change.
        ///
        /// Only a write-ahead log can do with less, and only one machine has it open. A later change that lasts
        /// takes all earlier ones along.
        case untilPowerCut
    }

    /// Opens the state file of `cache`, creating the folder and the file when they are missing.
    ///
    /// - Parameters:
    ///   - cache: The folder that holds the state file.
    ///   - isShared: Whether other machines will use the file even if its file system seems to be this one's own:
    ///     it may be the disk that a network file system serves. Once shared, a file stays fit for it.
    ///   - patience: How long to wait for other processes' locks before giving up.
    ///   - now: The clock that stamps every change.
    /// - Throws: What keeps the file from being used.
    public init(
        _ cache: CacheFolder, isShared: Bool = false, patience: Duration = .seconds(60),
        now: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) throws(StoreError) {
        if case .emptied(let jobs) = try Self.condition(of: cache) {
            throw .emptied(path: cache.stateFile, jobs: jobs)
        }
        try Self.createFolder(cache.path)
        if let obstacle = cache.obstacle { throw StoreError(obstacle) }
        // Local agents keep the file for hours: nobody is to wait for them silently.
        let isTaken = isShared && !LockHolders.users(ofLogged: cache.stateFile).isEmpty
        try self.init(
            cache, on: FileSystem(holding: cache.path), isShared: isShared,
            patience: isTaken ? min(patience, .seconds(5)) : patience, now: now)
        original = try settleIn()
    }

    /// Opens a state file for reading only, or one that can't be changed.
    private init(looking cache: CacheFolder) throws(StoreError) {
        self.cache = cache
        isOnNetworkFileSystem = !(FileSystem(holding: cache.path)?.isLocal ?? false)
        now = Timestamp.now
        var configuration = SQLTrace.configuration
        configuration.busyMode = .callback(Self.waiting(atMost: .seconds(60), isRemote: isOnNetworkFileSystem))
        access = .looking(StateView(cache: cache, configuration: configuration))
        file = Self.number(of: cache.stateFile)
        _ = try read { _ in }
    }

    /// Opens the state file of `cache`; nil if nothing was ever submitted to it.
    ///
    /// A file that this user may only read can be looked at anyway.
    ///
    /// - Throws: What keeps the file from being used; ``StoreError/missing(path:jobs:)`` if it is gone.
    public static func existing(_ cache: CacheFolder, for use: Use = .changing) throws(StoreError) -> Store? {
        switch try condition(of: cache) {
        case .unused: return nil
        case .stateless(let jobs): throw .missing(path: cache.stateFile, jobs: jobs)
        case .emptied(let jobs): throw .emptied(path: cache.stateFile, jobs: jobs)
        case .kept: break
        }
        if use == .watching || (use == .looking && (cache.isOthers || cache.obstacle != nil)) {
            return try Store(looking: cache)
        }
        return try Store(cache)
    }

    /// Whether the state can only be looked at.
    public var isReadOnly: Bool {
        switch access {
        case .changing: false
        case .looking: true
        }
    }

    private static func condition(of cache: CacheFolder) throws(StoreError) -> CacheFolder.Condition {
        do throws(CacheFolderError) { return try cache.condition() } catch { throw .folder(error) }
    }

    init(
        _ cache: CacheFolder, on fileSystem: FileSystem?, isShared: Bool = false, patience: Duration,
        now: @escaping @Sendable () -> Timestamp
    ) throws(StoreError) {
        self.cache = cache
        isOnNetworkFileSystem = !(fileSystem?.isLocal ?? false)
        let isShared = isShared || isOnNetworkFileSystem
        self.now = now
        var configuration = SQLTrace.configuration
        configuration.busyMode = .callback(Self.waiting(atMost: patience, isRemote: isOnNetworkFileSystem))
        configuration.prepareDatabase { db in
            try Journal.prepare(db, isShared: isShared)
            try db.execute(
                sql:
                    "PRAGMA synchronous = FULL; PRAGMA mmap_size = 0; PRAGMA journal_size_limit = \(Journal.sizeAtRest)"
            )
        }
        do {
            let database = try Self.open(cache.stateFile, configuration, patience: patience)
            let isLogged = try database.read { db in try Journal.isLogged(db) }
            access = .changing(database, isLogged: isLogged, isLogged ? Turns(in: cache.path) : nil)
            file = Self.number(of: cache.stateFile)
        } catch {
            let trouble = StoreError(error, path: cache.stateFile)
            guard isShared, case .locked = trouble, LockHolders.isLogged(cache.stateFile) else { throw trouble }
            throw .usedHere(path: cache.stateFile, by: LockHolders.users(ofLogged: cache.stateFile))
        }
    }

    /// Whether the state that is open still lies where it was opened.
    ///
    /// It does not once somebody has moved the cache: what is then written by its paths would end up next to it.
    public var isInPlace: Bool { Self.number(of: path) == file }

    /// Refuses to continue with a cache that was moved.
    ///
    /// - Throws: ``StoreError/moved(path:)``.
    public func checkPlace() throws(StoreError) {
        if !isInPlace { throw .moved(path: cache.path) }
    }

    /// What identifies a file on its disk; 0 if it does not exist.
    private static func number(of path: String) -> UInt64 {
        var info = stat()
        return stat(path, &info) == 0 ? UInt64(info.st_ino) : 0
    }

    /// Reads a consistent view.
    func read<T>(_ body: (Database) throws -> T) throws(StoreError) -> T {
        do {
            switch access {
            case .changing(let database, _, _): return try database.read(body)
            case .looking(let view): return try view.read(body)
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Copies the whole file as it is at one moment.
    func backUp(to copy: DatabaseQueue) throws(StoreError) {
        try read { db in try copy.writeWithoutTransaction { try db.backup(to: $0) } }
    }

    /// Makes one change: all of `body` or, when it throws, none of it.
    func write<T>(
        _ lasting: Lasting = .whateverHappens, _ body: (Database) throws -> T
    ) throws(StoreError) -> T {
        let database: any DatabaseWriter
        let isLogged: Bool
        let turns: Turns?
        switch access {
        case .changing(let file, let hasLog, let others): (database, isLogged, turns) = (file, hasLog, others)
        case .looking: throw .unwritable(path: path, reason: "it was opened to be looked at")
        }
        do {
            return try database.writeWithoutTransaction { db in
                let isFlushed = !isLogged || lasting == .whateverHappens
                try db.execute(sql: "PRAGMA synchronous = \(isFlushed ? "FULL" : "NORMAL")")
                guard let turns else { return try Self.change(db, body) }
                return try turns.wait { try Self.change(db, body) }
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private static func change<T>(_ db: Database, _ body: (Database) throws -> T) throws -> T {
        try db.beginTransaction(.immediate)
        do {
            let result = try body(db)
            try db.commit()
            return result
        } catch {
            // A full disk may have rolled it back already.
            if db.isInsideTransaction { try db.rollback() }
            throw error
        }
    }

    /// Rewrites the file without what is no longer used.
    func vacuum() throws(StoreError) {
        guard case .changing(let database, _, _) = access else { return }
        do { try database.vacuum() } catch { throw StoreError(error, path: path) }
    }

    /// Opens the file, again and again while others are changing its mode or layout.
    private static func open(
        _ file: String, _ configuration: Configuration, patience: Duration
    ) throws -> any DatabaseWriter {
        let start = ContinuousClock.now
        var attempt = 0
        while true {
            do {
                let database = try DatabaseQueue(path: file, configuration: configuration)
                try bringUpToDate(database, path: file)
                return database
            } catch let error as DatabaseError
                where error.resultCode == .SQLITE_BUSY && ContinuousClock.now - start < patience
            {
                attempt += 1
                usleep(backOff(attempt))
            }
        }
    }

    private static func bringUpToDate(_ database: any DatabaseWriter, path: String) throws {
        var failures = 0
        while try !Schema.isUpToDate(database, path: path) {
            do {
                return try Schema.migrator.migrate(database)
            } catch {
                // Another process may have made the same migration between the look and the lock, and be at the next.
                failures += 1
                guard failures < Self.migrationTries else { throw error }
                usleep(backOff(min(failures, 3)))
            }
        }
    }

    private static let migrationTries = 20

    private static func createFolder(_ path: String) throws(StoreError) {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            guard mkdir(made, 0o777) != 0 else { continue }
            let reason = errno
            var isFolder = stat()
            if stat(made, &isFolder) == 0 {
                if isFolder.st_mode & S_IFMT == S_IFDIR { continue }
                throw .unwritable(path: path, reason: "\(made) is not a folder")
            }
            if reason == ENOSPC || reason == EDQUOT { throw .diskFull(path: made) }
            throw .unwritable(path: made, reason: String(cString: strerror(reason)))
        }
    }

    /// Waits for a lock a little longer each time, never in step with the others who wait.
    private static func waiting(atMost patience: Duration, isRemote: Bool) -> Database.BusyCallback {
        // Asking again costs a local disk next to nothing, and a file server a good deal.
        let longest = isRemote ? 7 : 3
        return { attempt in
            let waited = Duration.microseconds(
                (0..<attempt).reduce(0) { $0 + Int(meanBackOff(min($1, longest))) })
            guard waited < patience else { return false }
            usleep(backOff(min(attempt, longest)))
            return true
        }
    }

    private static func meanBackOff(_ attempt: Int) -> UInt32 { UInt32(1_000) << UInt32(min(attempt, 7)) }

    private static func backOff(_ attempt: Int) -> UInt32 {
        let mean = meanBackOff(attempt)
        return UInt32.random(in: mean / 2...mean + mean / 2)
    }
}

extension StoreError {
    /// The readable form of a database error.
    init(_ error: any Error, path: String) {
        switch error {
        case let error as StoreError:
            self = error
        case let error as DatabaseError:
            let reason = error.message ?? "error \(error.extendedResultCode.rawValue)"
            switch error.resultCode {
            case .SQLITE_FULL: self = .diskFull(path: path)
            case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL:
                self = .locked(path: path, by: LockHolders.names(ofFile: path))
            case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
                if let obstacle = CacheFolder(path: String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
                    .obstacle
                {
                    self = .init(obstacle)
                    return
                }
                // The system's message is better than SQLite's, if it can be reproduced.
                let refused =
                    access(path, F_OK) == 0
                    ? path : String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
                let system = access(refused, W_OK) == 0 ? nil : String(cString: strerror(errno))
                self = .unwritable(path: path, reason: system ?? reason)
            case .SQLITE_IOERR: self = .diskFailed(path: path, detail: reason)
            case .SQLITE_NOTADB, .SQLITE_CORRUPT: self = .damaged(path: path, detail: reason)
            default: self = .unexpected(path: path, message: reason)
            }
        default:
            self = .unexpected(path: path, message: "\(error)")
        }
    }
}
