import GRDB

extension Store {
    /// Claims the job's next waiting spec for an agent.
    ///
    /// Runs that were interrupted come first, then specs by priority and in order, and last those that have taken two
    /// agents with them before they got any further: they may do so again. No two agents ever get the same attempt. A job
    /// that is held, halted, full or waits for another hands out nothing, nor do agents get anything that are to leave.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - agent: The agent that asks.
    ///   - lease: How long the claim stands without a renewal.
    ///   - choose: Chooses the config of a spec whose search has left it open, given all that there is to know.
    /// - Returns: The claim, or `nil` when no spec waits; ``openWork(of:)`` says whether one may later.
    /// - Throws: ``StoreError/agentEnded(_:reason:)`` and whatever keeps the file from being changed.
    public func claimNext(
        of job: JobID, by agent: AgentID, lease: Duration,
        choose: (OpenSpec) throws -> ChosenSpec = NoSearch.choose
    ) throws(StoreError) -> Claim? {
        let now = now()
        return try write(.untilPowerCut) { db in
            try claimNext(of: job, by: agent, lease: lease, at: now, choose: choose, in: db)
        }
    }

    func claimNext(
        of job: JobID, by agent: AgentID, lease: Duration, at now: Timestamp,
        choose: (OpenSpec) throws -> ChosenSpec, in db: Database
    ) throws -> Claim? {
        try Self.checkMayClaim(agent, in: db)
        guard try !Self.isLeaving(agent, in: db), try Self.standstill(of: job, in: db) == nil else { return nil }
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    UPDATE run
                    SET status = 'running', attempt = attempt + 1, agent = :agent, ended = NULL,
                      steps_per_second = NULL, started = COALESCE(started, :now)
                    WHERE id = \(Self.nextRun)
                    RETURNING id, attempt, step
                    """),
            arguments: ["agent": agent.rawValue, "job": job.rawValue, "now": now.rawValue])
        return try row.map { row in
            try self.choose(for: row["id"], choose, in: db)
            return try begin(row, by: agent, lease: lease, at: now, in: db)
        }
    }

    /// The waiting run of `:job` that is claimed next.
    static let nextRun = """
        COALESCE(
          (SELECT id FROM run WHERE job = :job AND status = 'pending' AND attempt > 0 AND held = 0 AND \(turn) = 0
           ORDER BY priority DESC, position LIMIT 1),
          (SELECT id FROM run WHERE job = :job AND status = 'pending' AND held = 0 AND (attempt = 0 OR \(turn) < 2)
           ORDER BY priority DESC, position LIMIT 1),
          (SELECT id FROM run WHERE job = :job AND status = 'pending' AND held = 0
           ORDER BY priority DESC, position LIMIT 1))
        """

    /// When it is a begun run's turn: 0 at once, 1 in its place among the others, 2 after them.
    private static let turn = """
        COALESCE((SELECT CASE WHEN outcome = 'released' THEN 0
                              WHEN outcome = 'lost' THEN CASE WHEN run.step > from_step OR NOT \(lostBefore) THEN 0 ELSE 2 END
                              ELSE 1 END
                  FROM attempt WHERE attempt.run = run.id AND attempt.number = run.attempt), 1)
        """

    /// Whether the attempt before a run's current one took its agent with it and got the run no further.
    ///
    /// One agent may die of anything at a run's beginning; where two did, it may be the run.
    static let lostBefore = """
        EXISTS (SELECT 1 FROM attempt AS earlier WHERE earlier.run = run.id AND earlier.number = run.attempt - 1
                AND earlier.outcome = 'lost' AND earlier.from_step >= run.step)
        """

    /// Renews the leases of several claims of one agent and notes their progress, all in one transaction.
    ///
    /// - Parameters:
    ///   - claims: The claims, and how far their runs are where that is news.
    ///   - agent: The agent.
    ///   - lease: How long they stand without another renewal.
    ///   - usage: What each claim has used of the machine since the last renewal, and the agent in all.
    /// - Returns: The claims that were refused: another attempt has taken over, or the run was cancelled.
    /// - Throws: What keeps the file from being changed; then no lease is renewed.
    public func renew(
        _ claims: [(claim: Claim, progress: Progress?)], by agent: AgentID, lease: Duration,
        usage: (share: UsageShare, total: Usage)? = nil
    ) throws(StoreError) -> [LostLease] {
        let now = now()
        // Other agents wait while the state file is locked: what can be made before is.
        var losses: [String?] = []
        for (_, progress) in claims { losses.append(try text(of: progress?.losses.dictionary)) }
        return try write(.untilPowerCut) { db in
            var lost: [LostLease] = []
            for ((claim, progress), losses) in zip(claims, losses) {
                do {
                    if let progress {
                        try Self.note(progress, losses, of: claim, at: now, in: db)
                    } else {
                        try Self.checkFence(of: claim, in: db)
                    }
                    try Self.renew(claim, until: now + lease, at: now, in: db)
                    if let usage { try Self.charge(claim, usage.share, in: db) }
                } catch StoreError.lostLease(let lease) {
                    lost.append(lease)
                }
            }
            try Self.hear(agent, at: now, in: db)
            if let usage { try Self.note(usage.total, of: agent, in: db) }
            return lost
        }
    }

    /// Records the attempt that a run's row, just changed, speaks of.
    func begin(
        _ run: Row, by agent: AgentID, lease: Duration, at now: Timestamp, in db: Database
    ) throws -> Claim {
        let (id, attempt, step): (String, Int, Int) = (run["id"], run["attempt"], run["step"])
        try db.cachedStatement(
            sql: """
                INSERT INTO attempt (run, number, agent, started, lease_until, lease, from_step)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            id, attempt, agent.rawValue, now.rawValue, (now + lease).rawValue, lease / .seconds(1), step,
        ])
        try Self.hear(agent, at: now, in: db)
        guard let spec = try spec(of: id, in: db) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "run \(id) has no spec")
        }
        return Claim(
            spec: spec, attempt: attempt, agent: agent, folder: cache.folder(of: spec.run), reachedStep: step)
    }

    /// Numbers as they are stored; nil for none.
    func text(of numbers: [String: Double]?) throws(StoreError) -> String? {
        do { return try numbers.map(Numbers.json) } catch { throw StoreError(error, path: path) }
    }

    private static func note(
        _ progress: Progress, _ losses: String?, of claim: Claim, at now: Timestamp, in db: Database
    ) throws {
        try change(
            claim, in: db, "step = ?, steps = ?, steps_per_second = ?, losses = ?",
            [progress.step, progress.steps, progress.stepsPerSecond, losses])
        try note(progress.reached, of: claim, at: now, in: db)
    }

    /// Changes the run if the claim is still its current attempt.
    static func change(
        _ claim: Claim, in db: Database, _ assignments: String,
        _ values: [(any DatabaseValueConvertible)?]
    ) throws {
        try db.cachedStatement(
            sql: "UPDATE run SET \(assignments) WHERE id = ? AND attempt = ? AND status = 'running'"
        ).execute(arguments: StatementArguments(values) + [claim.run.rawValue, claim.attempt])
        if db.changesCount == 0 { throw try lostLease(of: claim, in: db) }
    }

    static func checkFence(of claim: Claim, in db: Database) throws {
        let holds = try Bool.fetchOne(
            db.cachedStatement(
                sql: "SELECT EXISTS (SELECT 1 FROM run WHERE id = ? AND attempt = ? AND status = 'running')"),
            arguments: [claim.run.rawValue, claim.attempt])
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
        // Observers see a renewal by the change of this moment: it changes even if the clock was turned back.
        try db.cachedStatement(sql: "UPDATE attempt SET lease_until = ? WHERE run = ? AND number = ?")
            .execute(arguments: [end.rawValue, claim.run.rawValue, claim.attempt])
        try hear(claim.agent, at: now, in: db)
    }
}
