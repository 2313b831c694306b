import GRDB

/// What keeps a job from handing out specs to any agent.
public enum Standstill: Sendable, Equatable {
    /// The user holds it.
    case held
    /// Its first runs all failed for one cause, given as text.
    case halted(String)
    /// It waits until nothing of another job is left.
    case waiting(for: JobID)
    /// As many of its runs as may be active.
    case full(Int)
}

/// What an agent that finds nothing to claim should do.
public enum AgentOrder: Sendable, Equatable {
    /// Ask again in a moment.
    case wait
    /// End: the job was scaled down.
    case leave
    /// End: the job is halted, and the text says why.
    case halt(String)
}

extension Store {
    /// What keeps a job from handing out specs now, if anything does.
    public func standstill(of job: JobID) throws(StoreError) -> Standstill? {
        try read { db in try Self.standstill(of: job, in: db) }
    }

    /// Records what an attempt waits for before it begins, or that it waits no longer; others may have taken its run
    /// over.
    public func note(waitingFor obstacle: String?, _ claim: Claim) throws(StoreError) {
        try write { db in
            try db.execute(
                sql: "UPDATE attempt SET reason = ? WHERE run = ? AND number = ? AND outcome IS NULL",
                arguments: [obstacle, claim.run.rawValue, claim.attempt])
        }
    }

    /// The runs of a job that wait because an obstacle had them given back, or before they begin, and the obstacle of each.
    public func hindrances(of job: JobID) throws(StoreError) -> [RunFailure] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT run.id, reason FROM run JOIN attempt ON attempt.run = run.id AND number = run.attempt
                    WHERE run.job = ? AND run.attempt > 0 AND reason IS NOT NULL
                      AND (status = 'pending' AND outcome = 'released' AND reason = error
                        OR status = 'running' AND outcome IS NULL)
                    ORDER BY run.position
                    """, arguments: [job.rawValue]
            ).map { RunFailure(run: try $0.word("id"), error: $0["reason"]) }
        }
    }

    /// What an agent should do that finds nothing to claim.
    public func order(for agent: AgentID, of job: JobID) throws(StoreError) -> AgentOrder {
        try read { db in
            if try Self.isLeaving(agent, in: db) { return .leave }
            if case .halted(let reason) = try Self.standstill(of: job, in: db) { return .halt(reason) }
            return .wait
        }
    }

    static func standstill(of job: JobID, in db: Database) throws -> Standstill? {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT held, halted, after, max_running FROM job WHERE id = ?"),
            arguments: [job.rawValue])
        guard let row else { return nil }
        if let reason = row["halted"] as String? { return .halted(reason) }
        if row["held"] as Double? != nil { return .held }
        if let other = row["after"] as Int64? {
            let isOpen = try Bool.fetchOne(
                db,
                sql: "SELECT EXISTS (SELECT 1 FROM run WHERE job = ? AND status IN ('pending', 'running'))",
                arguments: [other])
            if isOpen == true { return .waiting(for: JobID(rawValue: other)) }
        }
        if let limit = row["max_running"] as Int? {
            let running = try Int.fetchOne(
                db, sql: "SELECT COUNT(*) FROM run WHERE job = ? AND status = 'running'", arguments: [job.rawValue])
            if running ?? 0 >= limit { return .full(limit) }
        }
        return nil
    }

    static func isLeaving(_ agent: AgentID, in db: Database) throws -> Bool {
        try Bool.fetchOne(
            db.cachedStatement(sql: "SELECT leaving FROM agent WHERE id = ?"), arguments: [agent.rawValue]) ?? false
    }

    /// Halts a job whose first runs all failed for one cause: the others would most likely do the same.
    static func haltIfHopeless(_ job: JobID, in db: Database) throws {
        let row = try Row.fetchOne(
            db, sql: "SELECT fail_fast, failures_before FROM job WHERE id = ? AND halted IS NULL",
            arguments: [job.rawValue])
        guard let row, let limit = row["fail_fast"] as Int? else { return }
        let hasResults = try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM run WHERE job = ? AND status IN ('done', 'stopped'))",
            arguments: [job.rawValue])
        guard hasResults == false else { return }
        let failed = try Int.fetchOne(
            db, sql: "SELECT COUNT(*) FROM run WHERE job = ? AND status = 'failed'", arguments: [job.rawValue])
        guard (failed ?? 0) - (row["failures_before"] as Int) >= limit else { return }
        let reasons = try Row.fetchAll(
            db, sql: "SELECT error FROM run WHERE job = ? AND status = 'failed' ORDER BY ended DESC LIMIT ?",
            arguments: [job.rawValue, limit]
        ).map { $0["error"] as String? }
        guard Set(reasons.map(FailurePattern.init)).count == 1, let last = reasons.last else { return }
        try db.execute(
            sql: "UPDATE job SET halted = ? WHERE id = ?",
            arguments: ["its first \(limit) runs all failed: \(last ?? "no reason is known")", job.rawValue])
    }

    /// Lets a job that was halted after failures hand out specs again, to any number of agents.
    ///
    /// - Returns: Why it was halted, if it was.
    @discardableResult
    public func lift(_ job: JobID) throws(StoreError) -> String? {
        try write { db in
            let reason = try String.fetchOne(
                db, sql: "SELECT halted FROM job WHERE id = ?", arguments: [job.rawValue])
            try db.execute(
                sql: """
                    UPDATE job SET halted = NULL, agents_limit = NULL, failures_before =
                      (SELECT COUNT(*) FROM run WHERE run.job = job.id AND status = 'failed') WHERE id = ?
                    """, arguments: [job.rawValue])
            return reason
        }
    }

    /// Whether a failed run is the first of its job to fail for its cause; true for exactly one of those with one cause.
    public func isFirstOfItsKind(_ run: RunID) throws(StoreError) -> Bool {
        try read { db in
            let own = try Row.fetchOne(
                db, sql: "SELECT job, error, ended FROM run WHERE id = ? AND status = 'failed'",
                arguments: [run.rawValue])
            guard let own else { return false }
            let pattern = FailurePattern(own["error"])
            let earlier = try Row.fetchCursor(
                db,
                sql: """
                    SELECT error FROM run WHERE job = :job AND status = 'failed'
                      AND (ended < :ended OR ended = :ended AND id < :run)
                    """,
                arguments: ["job": own["job"] as Int64, "ended": own["ended"] as Double?, "run": run.rawValue])
            while let row = try earlier.next() {
                if FailurePattern(row["error"]) == pattern { return false }
            }
            return true
        }
    }

    /// Takes the failures not yet reported to the user's command, if a report is due.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - pause: The least time between two tellings.
    /// - Returns: The runs, which count as reported from now on; empty if there are none, or they were reported
    ///   recently.
    /// - Throws: What keeps the file from being changed.
    public func takeUntoldFailures(of job: JobID, pause: Duration) throws(StoreError) -> [Run] {
        let now = now()
        return try write { db in
            let last = try Double.fetchOne(
                db, sql: "SELECT failures_told FROM job WHERE id = ?", arguments: [job.rawValue])
            // A clock that was turned back must not keep anybody waiting for hours.
            if let last, (0..<(pause / .seconds(1))).contains(now.rawValue - last) { return [] }
            let runs = try RunReader.all(
                db, in: cache, .all,
                sql: """
                    SELECT \(RunReader.columns(.all)) FROM run JOIN spec ON spec.run = run.id
                    WHERE run.job = ? AND status = 'failed' AND told < attempt ORDER BY ended
                    """, arguments: [job.rawValue])
            guard !runs.isEmpty else { return [] }
            try db.execute(
                sql: "UPDATE run SET told = attempt WHERE job = ? AND status = 'failed'", arguments: [job.rawValue])
            try db.execute(
                sql: "UPDATE job SET failures_told = ? WHERE id = ?", arguments: [now.rawValue, job.rawValue])
            return runs
        }
    }

    /// Whether there are failures not yet reported to the user's command.
    public func hasUntoldFailures(of job: JobID) throws(StoreError) -> Bool {
        try read { db in
            try Bool.fetchOne(
                db,
                sql: "SELECT EXISTS (SELECT 1 FROM run WHERE job = ? AND status = 'failed' AND told < attempt)",
                arguments: [job.rawValue]) ?? false
        }
    }
}
