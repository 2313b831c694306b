import GRDB

extension Store {
    /// Copies the state of one job into a new file, which knows of nothing else.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - path: The file to make, in a folder that is a cache's.
    /// - Throws: What keeps one of the files from being read or written.
    public func copy(of job: JobID, to path: String) throws(StoreError) {
        _ = try self.job(job)
        let others = try jobs().map(\.job.id).filter { $0 != job }
        do {
            let copy = try DatabaseQueue(path: path)
            try backUp(to: copy)
            try copy.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA journal_mode = DELETE") }
            try copy.write { db in
                // It is its own cache now, not a copy of this one that would send to the same pages.
                try db.execute(sql: "DELETE FROM place")
                for other in others {
                    for table in [
                        "attempt WHERE run IN (SELECT id FROM run WHERE job = ?)", "run WHERE job = ?",
                        "job WHERE id = ?",
                    ] {
                        try db.execute(sql: "DELETE FROM " + table, arguments: [other.rawValue])
                    }
                }
            }
            try copy.vacuum()
            try copy.close()
        } catch {
            throw StoreError(error, path: path)
        }
    }
}
