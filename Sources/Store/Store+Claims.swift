import GRDB

extension Store {
    /// Claims the job's next spec for an agent.
    ///
    /// Specs that wait come first, in order; then those whose agent has let its lease run out. No two
    /// agents ever get the same attempt.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - agent: The agent that asks.
    ///   - lease: How long the claim stands without a heartbeat.
    /// - Returns: The claim, or `nil` when there is nothing to claim now; ``openWork(of:)`` then says
    ///   whether there may be later.
    /// - Throws: What keeps the file from being changed.
    public func claimNext(
        of job: JobID, by agent: AgentID, lease: Duration
    ) throws(StoreError) -> Claim? {
        let now = now()
        return try write(.untilPowerCut) { db in
            guard let row = try Self.takeNext(of: job, by: agent, at: now, in: db) else { return nil }
            let run: String = row["id"]
            let attempt: Int = row["attempt"]
            try db.execute(
                sql: """
                    UPDATE attempt SET outcome = 'lost', ended = :now, reason = 'the lease ran out'
                    WHERE run = :run AND outcome IS NULL
                    """, arguments: ["run": run, "now": now.rawValue])
            try db.execute(
                sql: """
                    INSERT INTO attempt (run, number, agent, started, lease_until)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [run, attempt, agent.rawValue, now.rawValue, (now + lease).rawValue])
            try Self.hear(agent, at: now, in: db)
            guard
                let spec = try Row.fetchOne(db, sql: "SELECT * FROM spec WHERE run = ?", arguments: [run])
            else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "run \(run) has no spec") }
            return Claim(
                spec: try Spec(row: spec), attempt: attempt, agent: agent, folder: row["folder"],
                reachedStep: row["step"])
        }
    }

    /// Renews the claim's lease.
    public func heartbeat(_ claim: Claim, lease: Duration) throws(StoreError) {
        let now = now()
        try write(.untilPowerCut) { db in
            try Self.checkFence(of: claim, in: db)
            try Self.renew(claim, until: now + lease, at: now, in: db)
        }
    }

    /// Notes how far the run has come and renews the claim's lease.
    public func report(
        _ progress: Progress, of claim: Claim, lease: Duration
    ) throws(StoreError) {
        let now = now()
        try write(.untilPowerCut) { db in
            try Self.change(
                claim, in: db, "step = ?, steps = ?, steps_per_second = ?, losses = ?",
                [
                    progress.step, progress.steps, progress.stepsPerSecond,
                    try Numbers.json(progress.losses),
                ])
            try Self.renew(claim, until: now + lease, at: now, in: db)
        }
    }

    /// Settles the run as done, with its final metrics.
    public func complete(_ claim: Claim, metrics: [String: Double]) throws(StoreError) {
        let now = now()
        try write { db in
            try Self.change(
                claim, in: db, "status = 'done', step = steps, error = NULL, metrics = ?, ended = ?",
                [try Numbers.json(metrics), now.rawValue])
            try Self.end(claim, .done, reason: nil, at: now, in: db)
        }
    }

    /// Ends the attempt with an error.
    ///
    /// - Parameters:
    ///   - claim: The attempt.
    ///   - error: Why it failed, as users should read it.
    ///   - retry: Whether the cause may pass: then the run waits for another attempt, as often as the job
    ///     allows.
    /// - Returns: Where the run stands now: `pending` or `failed`.
    /// - Throws: ``StoreError/lostLease(_:)`` and whatever keeps the file from being changed.
    @discardableResult
    public func fail(
        _ claim: Claim, error: String, retry: Bool
    ) throws(StoreError) -> RunStatus {
        let now = now()
        return try write { db in
            let again = try retry && Self.mayRetry(claim, in: db)
            try Self.change(
                claim, in: db, "status = ?, error = ?, ended = ?",
                [
                    (again ? RunStatus.pending : .failed).rawValue, error, again ? nil : now.rawValue,
                ])
            try Self.end(claim, .failed, reason: error, at: now, in: db)
            return again ? .pending : .failed
        }
    }

    /// Gives the spec back, so that any agent can claim it; its progress is kept.
    public func release(_ claim: Claim, reason: String) throws(StoreError) {
        let now = now()
        try write { db in
            try Self.change(claim, in: db, "status = 'pending'", [])
            try Self.end(claim, .released, reason: reason, at: now, in: db)
        }
    }

    /// Takes the next spec in one statement, so that it cannot be taken twice.
    private static func takeNext(
        of job: JobID, by agent: AgentID, at now: Timestamp, in db: Database
    ) throws -> Row? {
        try Row.fetchOne(
            db,
            sql: """
                UPDATE run
                SET status = 'running', attempt = attempt + 1, agent = :agent, ended = NULL,
                  steps_per_second = NULL, started = COALESCE(started, :now)
                WHERE id = COALESCE(
                  (SELECT id FROM run WHERE job = :job AND status = 'pending'
                   ORDER BY position LIMIT 1),
                  (SELECT id FROM run JOIN attempt ON attempt.run = id AND number = attempt
                   WHERE job = :job AND status = 'running' AND lease_until <= :now
                   ORDER BY position LIMIT 1))
                RETURNING id, attempt, folder, step
                """,
            arguments: ["agent": agent.rawValue, "job": job.rawValue, "now": now.rawValue])
    }

    /// Changes the run if the claim is still its current attempt.
    private static func change(
        _ claim: Claim, in db: Database, _ assignments: String,
        _ values: [(any DatabaseValueConvertible)?]
    ) throws {
        try db.execute(
            sql: "UPDATE run SET \(assignments) WHERE id = ? AND attempt = ? AND status = 'running'",
            arguments: StatementArguments(values) + [claim.run.rawValue, claim.attempt])
        if db.changesCount == 0 { throw try lostLease(of: claim, in: db) }
    }

    private static func checkFence(of claim: Claim, in db: Database) throws {
        let holds = try Bool.fetchOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM run WHERE id = ? AND attempt = ? AND status = 'running')
                """, arguments: [claim.run.rawValue, claim.attempt])
        if holds != true { throw try lostLease(of: claim, in: db) }
    }

    private static func lostLease(of claim: Claim, in db: Database) throws -> StoreError {
        guard
            let row = try Row.fetchOne(
                db, sql: "SELECT status, attempt FROM run WHERE id = ?", arguments: [claim.run.rawValue])
        else { return .unknownRun(claim.run) }
        return .lostLease(
            LostLease(
                run: claim.run, attempt: claim.attempt, status: try row.word("status"),
                currentAttempt: row["attempt"]))
    }

    private static func renew(
        _ claim: Claim, until end: Timestamp, at now: Timestamp, in db: Database
    ) throws {
        try db.execute(
            sql: "UPDATE attempt SET lease_until = ? WHERE run = ? AND number = ?",
            arguments: [end.rawValue, claim.run.rawValue, claim.attempt])
        try hear(claim.agent, at: now, in: db)
    }

    private static func end(
        _ claim: Claim, _ outcome: AttemptOutcome, reason: String?, at now: Timestamp, in db: Database
    ) throws {
        try db.execute(
            sql: "UPDATE attempt SET outcome = ?, reason = ?, ended = ? WHERE run = ? AND number = ?",
            arguments: [outcome.rawValue, reason, now.rawValue, claim.run.rawValue, claim.attempt])
        try hear(claim.agent, at: now, in: db)
    }

    private static func mayRetry(_ claim: Claim, in db: Database) throws -> Bool {
        try Bool.fetchOne(
            db,
            sql: """
                SELECT (SELECT COUNT(*) FROM attempt WHERE run = :run AND outcome = 'failed')
                  < (SELECT max_retries FROM job JOIN run ON run.job = job.id WHERE run.id = :run)
                """, arguments: ["run": claim.run.rawValue]) ?? false
    }
}
