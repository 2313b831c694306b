import GRDB

/// How SQLite keeps changes whole, which depends on who may have the file open.
///
/// A write-ahead log is quickest and needs memory that all users of the file share: that ends at the machine. A
/// rollback journal needs file locks only. A file that has a rollback journal keeps it: the machine that a network file
/// system's disk is in takes the file for a local one while other machines are working in it.
enum Journal {
    /// How large a journal stays once what it holds is in the state file, in bytes; one large change makes it much larger.
    static let sizeAtRest = 4 << 20

    /// Prepares a new connection's journal.
    ///
    /// - Parameters:
    ///   - db: The connection.
    ///   - isShared: Whether other machines may have the file open.
    /// - Throws: `SQLITE_BUSY` while others keep the file from changing its journal.
    static func prepare(_ db: Database, isShared: Bool) throws {
        if isShared {
            // Exclusive locking reads a write-ahead log without shared memory, if the file still has one.
            try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            if try isLogged(db) { try rollBack(db) }
            // The lock is given back by the next read.
            try db.execute(sql: "PRAGMA locking_mode = NORMAL; SELECT 1 FROM sqlite_schema LIMIT 1")
            try rollBack(db)
        } else if try !isLogged(db) {
            // Pragmas answer "database is locked" at once while another process changes the journal, so it is
            // changed only when it has to be.
            let isNew = try Int.fetchOne(db, sql: "PRAGMA page_count") == 0
            if isNew { try db.execute(sql: "PRAGMA journal_mode = WAL") } else { try rollBack(db) }
        }
    }

    /// Takes a rollback journal whose file stays.
    ///
    /// A process that opens the file after a crash finds the journal by its name: on NFS a machine may believe for
    /// half a minute that there is none, if it was made again for the change that the crash cut short.
    private static func rollBack(_ db: Database) throws {
        try db.execute(sql: "PRAGMA journal_mode = PERSIST")
    }

    /// Whether the file has a write-ahead log.
    static func isLogged(_ db: Database) throws -> Bool { try mode(of: db) == "wal" }

    private static func mode(of db: Database) throws -> String? {
        try String.fetchOne(db, sql: "PRAGMA journal_mode")
    }
}
