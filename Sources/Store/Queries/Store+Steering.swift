import GRDB

extension Store {
    /// Calls off everything of a job that is not settled; agents learn it with their next write.
    ///
    /// - Returns: How many runs were cancelled.
    public func cancel(_ job: JobID) throws(StoreError) -> Int {
        let now = now()
        return try write { db in
            _ = try storedJob(job, in: db)
            let count = try Self.cancel("job = ?", [job.rawValue], at: now, in: db)
            // Agents that nobody has asked SLURM for yet are no longer wanted.
            try db.execute(
                sql: "UPDATE launch SET state = 'refused' WHERE job = ? AND state IN ('planned', 'begun')",
                arguments: [job.rawValue])
            try db.execute(
                sql: "UPDATE job SET cancelled = :now WHERE id = :job AND cancelled IS NULL",
                arguments: ["now": now.rawValue, "job": job.rawValue])
            return count
        }
    }

    /// Calls a run off if it is not settled; its agent learns it with its next write.
    ///
    /// - Returns: Whether there was anything to call off.
    public func cancel(_ run: RunID) throws(StoreError) -> Bool {
        let now = now()
        return try write { db in
            _ = try Self.run(run, in: db)
            return try Self.cancel("id = ?", [run.rawValue], at: now, in: db) > 0
        }
    }

    /// Requeues settled runs of a job; each continues from its last checkpoint.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - statuses: Which of its runs: `failed`, `cancelled` or both.
    /// - Returns: How many runs wait again.
    /// - Throws: ``StoreError/unknownJob(_:latest:)`` and whatever keeps the file from being changed.
    public func retry(_ job: JobID, _ statuses: Set<RunStatus>) throws(StoreError) -> Int {
        try write { db in
            _ = try storedJob(job, in: db)
            let words = statuses.subtracting([.pending, .running, .done, .stopped]).map { "'\($0.rawValue)'" }
            return try Self.retry(
                "job = ? AND status IN (\(words.joined(separator: ", ")))", [job.rawValue], of: job, in: db)
        }
    }

    /// Requeues the given runs of a job: all of them or, if one can't be requeued, none.
    ///
    /// What a search's target has kept from beginning is wanted anyway where it is named; until another run gets
    /// there, it waits as usual.
    ///
    /// - Throws: ``StoreError/notRetryable(_:_:)`` for a run that is neither failed nor cancelled, nor kept from
    ///   beginning, ``StoreError/unknownRun(_:)`` for one of another job.
    public func retry(_ runs: [RunID], of job: JobID) throws(StoreError) {
        try write { db in
            for run in runs {
                let row = try Self.run(run, in: db)
                guard row["job"] == job.rawValue else { throw StoreError.unknownRun(run) }
                let status: RunStatus = try row.word("status")
                let isUnbegun = status == .stopped && row["attempt"] == 0
                guard status == .failed || status == .cancelled || isUnbegun else {
                    throw StoreError.notRetryable(run, status)
                }
                _ = try Self.retry("id = ?", [run.rawValue], of: job, in: db)
            }
        }
    }

    /// The run whose name begins with `prefix`, around which blanks and line ends of other programs' output may stand.
    ///
    /// - Throws: ``StoreError/noRun(prefix:)`` or ``StoreError/ambiguousRun(prefix:candidates:)`` if there
    ///   isn't exactly one.
    public func run(startingWith prefix: String) throws(StoreError) -> RunID {
        let prefix = String(prefix.drop(while: \.isWhitespace).prefix { !$0.isWhitespace })
        return try read { db in
            let names = try String.fetchAll(
                // Names are lowercase letters and digits; '{' comes after all of them.
                db, sql: "SELECT id FROM run WHERE id >= :prefix AND id < :prefix || '{' ORDER BY id LIMIT 6",
                arguments: ["prefix": prefix])
            let runs = names.compactMap(RunID.init)
            guard let run = runs.first, !prefix.isEmpty else { throw StoreError.noRun(prefix: prefix) }
            guard runs.count == 1 else {
                throw StoreError.ambiguousRun(prefix: prefix, candidates: runs)
            }
            return run
        }
    }

    /// A run's state.
    public func run(_ id: RunID) throws(StoreError) -> Run {
        try read { db in
            let found = try RunReader.all(
                db, in: cache, .all,
                sql: "SELECT \(RunReader.columns(.all)) FROM run JOIN spec ON spec.run = run.id WHERE run.id = ?",
                arguments: [id.rawValue])
            guard let run = found.first else { throw StoreError.unknownRun(id) }
            return run
        }
    }

    /// Forgets a job with all its runs and agents; their files are the caller's concern.
    public func forget(_ job: JobID) throws(StoreError) {
        try write { db in
            _ = try storedJob(job, in: db)
            for table in ["attempt WHERE run IN (SELECT id FROM run WHERE job = ?)", "run WHERE job = ?"] {
                try db.execute(sql: "DELETE FROM " + table, arguments: [job.rawValue])
            }
            try db.execute(sql: "DELETE FROM job WHERE id = ?", arguments: [job.rawValue])
        }
    }

    private static func run(_ id: RunID, in db: Database) throws -> Row {
        let row = try Row.fetchOne(
            db, sql: "SELECT job, status, attempt FROM run WHERE id = ?", arguments: [id.rawValue])
        guard let row else { throw StoreError.unknownRun(id) }
        return row
    }

    /// Calls off the open runs among those for which `condition` holds.
    private static func cancel(
        _ condition: String, _ values: StatementArguments, at now: Timestamp, in db: Database
    ) throws -> Int {
        try db.execute(
            sql: """
                UPDATE attempt SET outcome = 'cancelled', ended = ?
                WHERE outcome IS NULL AND run IN (SELECT id FROM run WHERE status = 'running' AND \(condition))
                """, arguments: [now.rawValue] + values)
        try db.execute(
            sql: """
                UPDATE run SET status = 'cancelled', ended = ?
                WHERE status IN ('pending', 'running') AND \(condition)
                """, arguments: [now.rawValue] + values)
        return db.changesCount
    }

    private static func retry(
        _ condition: String, _ values: StatementArguments, of job: JobID, in db: Database
    ) throws -> Int {
        try db.execute(
            sql: """
                UPDATE run SET status = 'pending', error = NULL, ended = NULL, forgiven = attempt
                WHERE \(condition)
                """,
            arguments: values)
        let count = db.changesCount
        if count > 0 {
            try db.execute(
                sql: """
                    UPDATE job SET cancelled = NULL, finished = NULL, failures_before = MIN(failures_before,
                      (SELECT COUNT(*) FROM run WHERE run.job = job.id AND status = 'failed')) WHERE id = ?
                    """, arguments: [job.rawValue])
        }
        return count
    }
}
