import GRDB

/// An attempt that continues, as others see it: while ``renewal`` changes, its agent is alive.
public struct LeaseHold: Sendable, Hashable {
    /// The run.
    public let run: RunID
    /// The attempt.
    public let attempt: Int
    /// Changes with every renewal of the lease.
    public let renewal: Timestamp
    /// How long the attempt stands without a renewal.
    public let lease: Duration
    /// Whose attempt it is.
    public let agent: AgentID
    /// Whether a successor goes before whatever has not begun: the attempt has got the run further, or is the first to
    /// fall silent at this place.
    public let comesFirst: Bool

    fileprivate static let rows = """
        SELECT run, number, lease_until, lease, attempt.agent, 
          run.step > from_step OR NOT \(Store.lostBefore) AS first
        FROM run JOIN attempt ON attempt.run = run.id AND number = run.attempt\n
        """

    fileprivate init(row: Row) throws {
        run = try row.word("run")
        attempt = row["number"]
        renewal = row.requiredTime("lease_until")
        lease = .seconds(row["lease"] as Double)
        agent = AgentID(rawValue: row["agent"])
        comesFirst = row["first"]
    }
}

extension Store {
    /// How many agents in a row a run may take with it, without getting any further, before it is set aside.
    public static let agentsLostAtMost = 3

    /// The attempts at a job's runs that continue.
    public func holds(of job: JobID) throws(StoreError) -> [LeaseHold] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: LeaseHold.rows + "WHERE job = ? AND status = 'running' ORDER BY position",
                arguments: [job.rawValue]
            ).map(LeaseHold.init)
        }
    }

    /// Takes over a run from an attempt whose agent is silent.
    ///
    /// A run that has taken ``agentsLostAtMost`` agents with it at the same place is set aside as failed instead.
    ///
    /// - Parameters:
    ///   - hold: The attempt as it was seen for at least as long as its lease.
    ///   - agent: The agent that asks.
    ///   - lease: How long the new claim stands without a renewal.
    /// - Returns: The claim, or `nil` if the attempt was renewed or ended in the meantime, or the run set aside.
    /// - Throws: ``StoreError/agentEnded(_:reason:)`` and whatever keeps the file from being changed.
    public func takeOver(_ hold: LeaseHold, by agent: AgentID, lease: Duration) throws(StoreError) -> Claim? {
        let now = now()
        let asked = ContinuousClock.now
        return try write(.untilPowerCut) { db in
            // A caller that had to wait for the state file may be ahead of the attempt's agent, which waits to renew
            // it.
            guard .now - asked < hold.lease / 2 else { return nil }
            try Self.checkMayClaim(agent, in: db)
            guard try !Self.isLeaving(agent, in: db) else { return nil }
            guard try Self.endSilently(hold, reason: Self.fellSilent, at: now, in: db) else { return nil }
            guard try !Self.quarantineIfLethal(hold.run, at: now, in: db) else { return nil }
            let row = try Row.fetchOne(
                db,
                sql: """
                    UPDATE run SET attempt = attempt + 1, agent = ?, steps_per_second = NULL
                    WHERE id = ? RETURNING id, attempt, step
                    """, arguments: [agent.rawValue, hold.run.rawValue])
            return try row.map { try begin($0, by: agent, lease: lease, at: now, in: db) }
        }
    }

    /// Gives back the runs of an agent whose process is known to be gone, without waiting for its leases to end.
    ///
    /// - Parameters:
    ///   - agent: The agent.
    ///   - reason: How it is known, for people.
    /// - Returns: How many runs wait again or were set aside.
    /// - Throws: What keeps the file from being changed.
    public func buryAgent(_ agent: AgentID, reason: String) throws(StoreError) -> Int {
        let now = now()
        return try write { db in
            let rows = try Row.fetchAll(
                db,
                sql: LeaseHold.rows + "WHERE status = 'running' AND run.agent = ?", arguments: [agent.rawValue])
            for row in rows {
                let hold = try LeaseHold(row: row)
                guard try Self.endSilently(hold, reason: reason, at: now, in: db),
                    try !Self.quarantineIfLethal(hold.run, at: now, in: db)
                else { continue }
                try db.execute(sql: "UPDATE run SET status = 'pending' WHERE id = ?", arguments: [hold.run.rawValue])
            }
            try db.execute(
                sql: """
                    UPDATE agent SET state = 'ended', ended = ?, reason = ?, lost = 1 WHERE id = ? AND state <> 'ended'
                    """,
                arguments: [now.rawValue, reason, agent.rawValue])
            return rows.count
        }
    }

    /// What is known about an agent whose lease has run out.
    private static let fellSilent = "its agent fell silent"

    /// Records that SLURM is to be asked to start a lost agent again.
    ///
    /// - Parameters:
    ///   - agent: The lost agent.
    ///   - limit: How often that may happen in a job.
    /// - Returns: Whether the caller is to ask: once for an agent, and within the limit.
    /// - Throws: What keeps the file from being changed.
    public func noteReplacement(of agent: AgentID, atMost limit: Int) throws(StoreError) -> Bool {
        let now = now()
        return try write { db in
            try db.execute(
                sql: """
                    UPDATE agent SET replaced = :now WHERE id = :agent AND lost AND replaced IS NULL AND :limit >
                      (SELECT COUNT(*) FROM agent AS other WHERE other.job = agent.job AND other.replaced IS NOT NULL)
                    """, arguments: ["now": now.rawValue, "agent": agent.rawValue, "limit": limit])
            return db.changesCount == 1
        }
    }

    /// Records that SLURM does not start a lost agent again, though it was asked to.
    public func noteNoReplacement(of agent: AgentID) throws(StoreError) {
        try write { db in
            try db.execute(sql: "UPDATE agent SET replaced = NULL WHERE id = ?", arguments: [agent.rawValue])
        }
    }

    /// Ends an attempt as lost if it still stands where it was seen.
    private static func endSilently(
        _ hold: LeaseHold, reason: String, at now: Timestamp, in db: Database
    ) throws -> Bool {
        try db.execute(
            sql: """
                UPDATE attempt SET outcome = 'lost', ended = :now, reason = :reason
                WHERE run = :run AND number = :number AND lease_until = :renewal AND outcome IS NULL
                  AND EXISTS (SELECT 1 FROM run WHERE id = :run AND attempt = :number AND status = 'running')
                """,
            arguments: [
                "now": now.rawValue, "reason": reason, "run": hold.run.rawValue, "number": hold.attempt,
                "renewal": hold.renewal.rawValue,
            ])
        return db.changesCount == 1
    }

    /// Sets a run aside that has taken several agents with it, one after another, at the same step.
    private static func quarantineIfLethal(_ run: RunID, at now: Timestamp, in db: Database) throws -> Bool {
        let attempts = try Row.fetchAll(
            db,
            sql: """
                SELECT outcome, from_step, step, host, attempt.reason, agent.number AS agent_number, agent.job FROM run
                JOIN attempt ON attempt.run = run.id LEFT JOIN agent ON agent.id = attempt.agent
                WHERE run.id = ? AND attempt.number > forgiven ORDER BY attempt.number DESC LIMIT ?
                """, arguments: [run.rawValue, agentsLostAtMost])
        let lethal = attempts.filter {
            $0["outcome"] as String? == "lost" && $0["from_step"] as Int >= $0["step"] as Int
        }
        guard lethal.count == agentsLostAtMost else { return false }
        // The agent that saw the last one end may know the reason, such as memory.
        let known = (lethal[0]["reason"] as String?).flatMap { $0 == fellSilent ? nil : "; the last: \($0)" }
        let agents = lethal.reversed().map { row in
            "\(row["job"] as Int64? ?? 0).\(row["agent_number"] as Int64? ?? 0) on \(row["host"] as String? ?? "?")"
        }
        try db.execute(
            sql: "UPDATE run SET status = 'failed', ended = ?, error = ? WHERE id = ?",
            arguments: [
                now.rawValue,
                "set aside: it has taken \(agentsLostAtMost) agents with it at step \(lethal[0]["step"] as Int) ("
                    + agents.joined(separator: ", ") + ")" + (known ?? ""),
                run.rawValue,
            ])
        let job = try Int64.fetchOne(db, sql: "SELECT job FROM run WHERE id = ?", arguments: [run.rawValue])
        if let job { try haltIfHopeless(JobID(rawValue: job), in: db) }
        return true
    }
}
