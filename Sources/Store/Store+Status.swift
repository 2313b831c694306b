import GRDB

/// How many runs of a job stand where.
public struct RunCounts: Sendable, Equatable {
    private var counts: [RunStatus: Int] = [:]

    /// How many runs stand at `status`.
    public internal(set) subscript(status: RunStatus) -> Int {
        get { counts[status] ?? 0 }
        set { counts[status] = newValue }
    }

    /// All runs.
    public var total: Int { counts.values.reduce(0, +) }

    /// The runs that nothing will happen to any more.
    public var settled: Int { RunStatus.allCases.filter(\.isSettled).reduce(0) { $0 + self[$1] } }
}

/// A job in a list of jobs.
public struct JobSummary: Sendable, Equatable {
    /// The job.
    public let job: Job
    /// How its runs stand.
    public let counts: RunCounts
    /// How many of its agents have registered and not said goodbye.
    public let runningAgents: Int
}

/// Everything about a job at one moment.
public struct JobSnapshot: Sendable, Equatable {
    /// When it was taken.
    public let time: Timestamp
    /// The job.
    public let job: Job
    /// How its runs stand.
    public let counts: RunCounts
    /// Its agents in the order of their start.
    public let agents: [Agent]
    /// Its runs in the order of their specs.
    public let runs: [Run]
}

extension Store {
    /// Every job, the latest last.
    public func jobs() throws(StoreError) -> [JobSummary] {
        try read { db in
            let counts = try Self.counts(in: db)
            let agents = try Row.fetchAll(
                db, sql: "SELECT job, COUNT(*) AS n FROM agent WHERE state = 'running' GROUP BY job")
            let running = Dictionary(
                uniqueKeysWithValues: agents.map { (JobID(rawValue: $0["job"]), $0["n"] as Int) })
            return try Row.fetchAll(db, sql: "SELECT * FROM job ORDER BY id").map { row in
                let job = try Job(row: row)
                return JobSummary(
                    job: job, counts: counts[job.id] ?? RunCounts(), runningAgents: running[job.id] ?? 0)
            }
        }
    }

    /// One job.
    public func job(_ id: JobID) throws(StoreError) -> Job {
        try read { db in try Self.job(id, in: db) }
    }

    /// A job with its agents and runs, all from the same moment.
    public func snapshot(of id: JobID) throws(StoreError) -> JobSnapshot {
        let now = now()
        return try read { db in
            let job = try Self.job(id, in: db)
            let runs = try Row.fetchAll(
                db,
                sql: """
                    SELECT run.*, overrides FROM run JOIN spec ON spec.run = run.id
                    WHERE run.job = ? ORDER BY run.position
                    """, arguments: [id.rawValue]
            ).map(Run.init)
            let agents = try Self.agents(of: id, in: db)
            var counts = RunCounts()
            for run in runs { counts[run.status] += 1 }
            return JobSnapshot(time: now, job: job, counts: counts, agents: agents, runs: runs)
        }
    }

    /// What is left of a job's work.
    public func openWork(of job: JobID) throws(StoreError) -> OpenWork {
        try read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT
                      (SELECT COUNT(*) FROM run WHERE job = :job AND status = 'pending') AS pending,
                      COUNT(*) AS running, MIN(lease_until) AS lease_end
                    FROM run JOIN attempt ON attempt.run = id AND number = attempt
                    WHERE job = :job AND status = 'running'
                    """, arguments: ["job": job.rawValue])
            return OpenWork(
                pending: row?["pending"] ?? 0, running: row?["running"] ?? 0,
                firstLeaseEnd: row?.time("lease_end"))
        }
    }

    /// What a run is to do.
    public func spec(of run: RunID) throws(StoreError) -> Spec {
        try read { db in
            guard
                let row = try Row.fetchOne(
                    db, sql: "SELECT * FROM spec WHERE run = ?", arguments: [run.rawValue])
            else { throw StoreError.unknownRun(run) }
            return try Spec(row: row)
        }
    }

    /// Every attempt at a run, the first one first.
    public func attempts(at run: RunID) throws(StoreError) -> [Attempt] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM attempt WHERE run = ? ORDER BY number", arguments: [run.rawValue]
            ).map(Attempt.init)
        }
    }

    private static func counts(in db: Database) throws -> [JobID: RunCounts] {
        var all: [JobID: RunCounts] = [:]
        let rows = try Row.fetchAll(
            db, sql: "SELECT job, status, COUNT(*) AS n FROM run GROUP BY job, status")
        for row in rows {
            let status: RunStatus = try row.word("status")
            all[JobID(rawValue: row["job"]), default: RunCounts()][status] = row["n"]
        }
        return all
    }
}
