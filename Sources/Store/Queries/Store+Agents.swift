import GRDB

extension Store {
    /// A job's agents in the order of their start.
    public func agents(of job: JobID) throws(StoreError) -> [Agent] {
        try read { db in try Self.agents(of: job, in: db) }
    }

    /// Records the process that was started for an agent.
    public func noteProcess(_ pid: Int32, of agent: AgentID) throws(StoreError) {
        try write(.untilPowerCut) { db in
            try db.execute(
                sql: "UPDATE agent SET pid = ? WHERE id = ?", arguments: [pid, agent.rawValue])
        }
    }

    /// Registers a process as an agent of a job.
    ///
    /// A process that its launcher has given a number takes that place; any other gets a new one.
    ///
    /// - Parameters:
    ///   - identity: The process.
    ///   - job: The job whose specs it will claim.
    ///   - allocationEnd: When SLURM will end it, if it will.
    /// - Returns: The agent's number.
    /// - Throws: ``StoreError/unknownJob(_:latest:)`` and whatever keeps the file from being changed.
    public func registerAgent(
        _ identity: AgentIdentity, for job: JobID, until allocationEnd: Timestamp? = nil
    ) throws(StoreError) -> AgentID {
        let now = now()
        return try write { db in
            _ = try storedJob(job, in: db)
            try Self.endEarlierStarts(of: identity.slurm, in: job, at: now, db)
            // The command that started it may have died before it could say so.
            try db.execute(
                sql: """
                    UPDATE job SET submission = 'submitted'
                    WHERE id = ? AND executor = 'local' AND submission = 'stored'
                    """, arguments: [job.rawValue])
            if let given = identity.given {
                try db.execute(
                    sql: """
                        UPDATE agent SET state = 'running', host = ?, pid = ?, slurm_job_id = ?,
                          slurm_array_job_id = ?, slurm_array_task_id = ?, heartbeat = ?, allocation_end = ?,
                          memory_kills = ?
                        WHERE id = ? AND job = ? AND state = 'starting'
                        """,
                    arguments: [
                        identity.host, identity.pid, identity.slurm.job, identity.slurm.arrayJob,
                        identity.slurm.arrayTask, now.rawValue, allocationEnd?.rawValue, identity.memoryKills,
                        given.rawValue, job.rawValue,
                    ])
                if db.changesCount == 1 {
                    try Self.keepToLimit(given, of: job, in: db)
                    return given
                }
            }
            try db.execute(
                sql: """
                    INSERT INTO agent (job, number, state, host, pid, slurm_job_id, slurm_array_job_id,
                      slurm_array_task_id, started, heartbeat, allocation_end, memory_kills)
                    VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    job.rawValue, try Self.freeNumber(identity.slurm.arrayTask, in: job, db),
                    identity.host, identity.pid,
                    identity.slurm.job, identity.slurm.arrayJob, identity.slurm.arrayTask, now.rawValue,
                    now.rawValue, allocationEnd?.rawValue, identity.memoryKills,
                ])
            let agent = AgentID(rawValue: db.lastInsertedRowID)
            try Self.keepToLimit(agent, of: job, in: db)
            return agent
        }
    }

    /// Sends a new agent away again if the job was scaled to as many as it has: it may have waited in SLURM's queue since.
    private static func keepToLimit(_ agent: AgentID, of job: JobID, in db: Database) throws {
        try db.execute(
            sql: """
                UPDATE agent SET leaving = 1 WHERE id = :agent AND
                  (SELECT COUNT(*) FROM agent AS other WHERE other.job = :job AND other.id <> :agent
                     AND other.state <> 'ended' AND NOT other.leaving)
                  >= (SELECT agents_limit FROM job WHERE id = :job)
                """, arguments: ["agent": agent.rawValue, "job": job.rawValue])
    }

    /// Notes of the agents that SLURM has started before in the same job, and now again, that they have ended.
    ///
    /// What they held stays theirs until their leases end: the old process may continue for a while on a node that
    /// SLURM has lost sight of.
    private static func endEarlierStarts(
        of place: SlurmPlace, in job: JobID, at now: Timestamp, _ db: Database
    ) throws {
        guard let number = place.job else { return }
        try db.execute(
            sql: """
                UPDATE agent SET state = 'ended', ended = ?, reason = 'SLURM has started its job again'
                WHERE job = ? AND slurm_job_id = ? AND state <> 'ended'
                """, arguments: [now.rawValue, job.rawValue, number])
    }

    /// Records that an agent has ended, and why.
    public func agentEnded(_ agent: AgentID, reason: String) throws(StoreError) {
        let now = now()
        try write { db in
            try db.execute(
                sql: """
                    UPDATE agent SET state = 'ended', ended = :now, heartbeat = :now, reason = :reason
                    WHERE id = :agent
                    """,
                arguments: ["now": now.rawValue, "reason": reason, "agent": agent.rawValue])
        }
    }

    /// One agent.
    ///
    /// - Throws: ``StoreError/unexpected(path:message:)`` if there is no such agent.
    public func agent(_ id: AgentID) throws(StoreError) -> Agent {
        try read { db in
            guard
                let row = try Row.fetchOne(
                    db, sql: Self.agentRows + "WHERE agent.id = ? GROUP BY agent.id", arguments: [id.rawValue])
            else { throw DatabaseError(message: "there is no agent \(id)") }
            return try Agent(row: row)
        }
    }

    /// Why an agent is marked as ended, on its own or by others; `nil` while it is not.
    public func endOfAgent(_ agent: AgentID) throws(StoreError) -> String? {
        try read { db in try Self.endOfAgent(agent, in: db) }
    }

    private static func endOfAgent(_ agent: AgentID, in db: Database) throws -> String? {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT reason FROM agent WHERE id = ? AND state = 'ended'"),
            arguments: [agent.rawValue])
        return row.map { $0["reason"] ?? "no reason was recorded" }
    }

    /// Refuses an agent that others hold for gone: its place may be taken, and its node need not be its own any more.
    static func checkMayClaim(_ agent: AgentID, in db: Database) throws {
        if let reason = try endOfAgent(agent, in: db) { throw StoreError.agentEnded(agent, reason: reason) }
    }

    static func agents(of job: JobID, in db: Database) throws -> [Agent] {
        try Row.fetchAll(
            db, sql: agentRows + "WHERE agent.job = ? GROUP BY agent.id ORDER BY agent.number",
            arguments: [job.rawValue]
        ).map(Agent.init)
    }

    private static let agentRows = """
        SELECT agent.*, run.id AS run, COUNT(run.id) AS runs FROM agent
        LEFT JOIN run ON run.job = agent.job AND run.status = 'running' AND run.agent = agent.id\n
        """

    /// Adds agents to a job before their processes start on this machine.
    ///
    /// - Returns: The new agents, `starting`, numbered on from those that the job has had.
    public func addAgents(_ count: Int, to job: JobID) throws(StoreError) -> [Agent] {
        let now = now()
        return try write { db in
            _ = try storedJob(job, in: db)
            try Self.addAgents(count, to: job, at: now, in: db)
            return try Self.agents(of: job, in: db).suffix(count)
        }
    }

    static func addAgents(_ count: Int, to job: JobID, at now: Timestamp, in db: Database) throws {
        for _ in 0..<count {
            try db.execute(
                sql: """
                    INSERT INTO agent (job, number, state, host, started)
                    VALUES (?, ?, 'starting', ?, ?)
                    """,
                arguments: [
                    job.rawValue, try freeNumber(nil, in: job, db), AgentIdentity.thisHost, now.rawValue,
                ])
        }
    }

    /// The number that a new agent of a job gets: `wanted` unless another has it, else the next one.
    private static func freeNumber(_ wanted: Int64?, in job: JobID, _ db: Database) throws -> Int64 {
        if let wanted {
            let isTaken = try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT 1 FROM agent WHERE job = ? AND number = ?)",
                arguments: [job.rawValue, wanted])
            if isTaken == false { return wanted }
        }
        return try Int64.fetchOne(
            db, sql: "SELECT COALESCE(MAX(number), 0) + 1 FROM agent WHERE job = ?",
            arguments: [job.rawValue]) ?? 1
    }

    static func hear(_ agent: AgentID, at now: Timestamp, in db: Database) throws {
        try db.cachedStatement(sql: "UPDATE agent SET heartbeat = ? WHERE id = ?")
            .execute(arguments: [now.rawValue, agent.rawValue])
    }
}
