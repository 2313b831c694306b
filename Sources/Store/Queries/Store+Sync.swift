import GRDB

/// Where a run's files lie and whether more will come.
public struct RunPlace: Sendable, Equatable {
    /// The run.
    public let id: RunID
    /// Where it stands.
    public let status: RunStatus
    /// The run's folder.
    public let folder: RunFolder
    /// When it was settled.
    public let ended: Timestamp?
    /// Whether an agent has ever held it.
    public let hasBegun: Bool
}

extension Store {
    /// Records whether W&B lacks something of runs that are over.
    ///
    /// - Throws: Whatever keeps the file from being changed.
    public func note(_ runs: [RunID], areUnsent: Bool) throws(StoreError) {
        guard !runs.isEmpty else { return }
        try write(.untilPowerCut) { db in
            for run in runs {
                try db.execute(
                    sql: "UPDATE run SET unsent = ? WHERE id = ? AND unsent <> ?",
                    arguments: [areUnsent, run.rawValue, areUnsent])
            }
        }
    }

    /// The runs that are over and that W&B does not have yet, as far as is known.
    ///
    /// - Throws: Whatever keeps the file from being read.
    public func unsentRuns() throws(StoreError) -> [RunID] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT id FROM run WHERE status IN ('done', 'failed', 'cancelled', 'stopped') AND unsent"
            ).map { try $0.word("id") }
        }
    }

    /// The places of a job's runs, or of all jobs', in the order they were submitted; cheap for thousands.
    ///
    /// - Throws: ``StoreError/unknownJob(_:latest:)`` and whatever keeps the file from being read.
    public func places(of job: JobID? = nil) throws(StoreError) -> [RunPlace] {
        try read { db in
            if let job { _ = try storedJob(job, in: db) }
            let condition = job == nil ? "" : "WHERE job = ?"
            return try Row.fetchAll(
                db, sql: "SELECT id, status, ended, attempt FROM run \(condition) ORDER BY job, position",
                arguments: StatementArguments([job?.rawValue].compactMap(\.self))
            ).map { row in
                let id: RunID = try row.word("id")
                return RunPlace(
                    id: id, status: try row.word("status"), folder: cache.folder(of: id),
                    ended: row.time("ended"), hasBegun: row["attempt"] > 0)
            }
        }
    }
}
