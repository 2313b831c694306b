import GRDB

/// What a user names: whole jobs, or single runs.
public enum Named: Sendable, Equatable {
    /// A job.
    case job(JobID)
    /// A run.
    case run(RunID)
}

/// What a user writes to jobs and runs; what is nil stays as it is.
public struct Marks: Sendable {
    /// A note; empty text takes it away.
    public var note: String?
    /// Tags to add.
    public var adding: [String] = []
    /// Tags to take away.
    public var removing: [String] = []

    /// Changes nothing yet.
    public init() {}
}

/// The outcome of scaling a job.
public struct Scaling: Sendable, Equatable {
    /// How many agents continue.
    public let staying: Int
    /// How many end after their current runs.
    public let leaving: Int
}

extension Store {
    /// Holds jobs and runs, or releases them: what is working on a run continues, but nobody begins a held one.
    ///
    /// - Parameters:
    ///   - named: All of them, or none.
    ///   - isHeld: Whether they are to be held.
    /// - Throws: ``StoreError/settled(_:_:)`` for a run that is over; ``StoreError/unknownJob(_:latest:)``.
    public func hold(_ named: [Named], _ isHeld: Bool) throws(StoreError) {
        let now = now()
        try write { db in
            for name in named {
                switch name {
                case .job(let job):
                    _ = try storedJob(job, in: db)
                    try db.execute(
                        sql: "UPDATE job SET held = ? WHERE id = ?",
                        arguments: [isHeld ? now.rawValue : nil, job.rawValue])
                case .run(let run):
                    try Self.checkOpen(run, in: db)
                    try db.execute(
                        sql: "UPDATE run SET held = ? WHERE id = ?", arguments: [isHeld, run.rawValue])
                }
            }
        }
    }

    /// Gives runs a priority: those with a higher one are claimed first.
    ///
    /// - Parameters:
    ///   - runs: All of them, or none.
    ///   - priority: The priority; nil for one above all others of the run's job.
    /// - Throws: ``StoreError/settled(_:_:)`` for a run that is over.
    public func prioritize(_ runs: [RunID], _ priority: Int?) throws(StoreError) {
        try write { db in
            for run in runs { try Self.checkOpen(run, in: db) }
            let names = runs.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            let highest =
                try priority.map { _ in [:] }
                ?? Dictionary(
                    Row.fetchAll(
                        db,
                        sql: """
                            SELECT job, MAX(priority) AS highest FROM run
                            WHERE job IN (SELECT job FROM run WHERE id IN (\(names))) AND status IN ('pending', 'running')
                              AND id NOT IN (\(names)) GROUP BY job
                            """
                    ).map { ($0["job"] as Int64, $0["highest"] as Int) }
                ) { $1 }
            for run in runs {
                let job = try Int64.fetchOne(db, sql: "SELECT job FROM run WHERE id = ?", arguments: [run.rawValue])
                try db.execute(
                    sql: "UPDATE run SET priority = ? WHERE id = ?",
                    arguments: [priority ?? (job.flatMap { highest[$0] } ?? 0) + 1, run.rawValue])
            }
        }
    }

    /// Writes to jobs and runs: all of them, or none.
    public func mark(_ named: [Named], _ marks: Marks) throws(StoreError) {
        try write { db in
            for name in named {
                let (table, key): (String, any DatabaseValueConvertible)
                switch name {
                case .job(let job): (table, key) = ("job", try storedJob(job, in: db).id.rawValue)
                case .run(let run): (table, key) = ("run", run.rawValue)
                }
                guard let row = try Row.fetchOne(db, sql: "SELECT tags FROM \(table) WHERE id = ?", arguments: [key])
                else { throw StoreError.noRun(prefix: "\(key)") }
                if let note = marks.note {
                    try db.execute(
                        sql: "UPDATE \(table) SET note = ? WHERE id = ?", arguments: [note.isEmpty ? nil : note, key])
                }
                guard !marks.adding.isEmpty || !marks.removing.isEmpty else { continue }
                let tags = Set(try Tags.parse(row["tags"])).union(marks.adding).subtracting(marks.removing)
                try db.execute(
                    sql: "UPDATE \(table) SET tags = ? WHERE id = ?", arguments: [try Tags.json(tags.sorted()), key])
            }
        }
    }

    /// Gives a job a name for people; nil takes it away.
    public func rename(_ job: JobID, _ title: String?) throws(StoreError) {
        try write { db in
            _ = try storedJob(job, in: db)
            try db.execute(sql: "UPDATE job SET title = ? WHERE id = ?", arguments: [title, job.rawValue])
        }
    }

    /// Changes how many agents a job is to have: those that are too many end after their current runs.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - count: How many it is to have.
    ///   - alive: Its agents that are not known to be gone.
    ///   - waiting: How many more stand in SLURM's queue and stay there.
    /// - Returns: How many continue and how many end.
    /// - Throws: ``StoreError/finished(_:)`` if nothing of the job is left.
    public func scale(
        _ job: JobID, to count: Int, alive: [AgentID], waiting: Int = 0
    ) throws(StoreError) -> Scaling {
        try write { db in
            _ = try storedJob(job, in: db)
            guard try Self.hasOpenRuns(job, in: db) else { throw StoreError.finished(job) }
            let listed = try Self.agents(of: job, in: db).filter { $0.state != .ended }
            let agents = listed.filter { alive.contains($0.id) }
            // Agents that hold a run stay before those that hold none, older ones before younger.
            let ranked = agents.sorted { a, b in
                (a.runCount == 0 ? 1 : 0, a.id.rawValue) < (b.runCount == 0 ? 1 : 0, b.id.rawValue)
            }
            let staying = max(0, count - waiting)
            for (rank, agent) in ranked.enumerated() {
                try db.execute(
                    sql: "UPDATE agent SET leaving = ? WHERE id = ?", arguments: [rank >= staying, agent.id.rawValue])
            }
            // Those that are gone must not keep new ones out until their leases end.
            for agent in listed where !alive.contains(agent.id) {
                try db.execute(sql: "UPDATE agent SET leaving = 1 WHERE id = ?", arguments: [agent.id.rawValue])
            }
            try db.execute(
                sql: "UPDATE job SET agents_limit = ?, agent_count = ? WHERE id = ?",
                arguments: [count, max(1, count), job.rawValue])
            return Scaling(staying: min(staying, ranked.count), leaving: max(0, ranked.count - staying))
        }
    }

    /// Stores further specs of a job: all of those that it does not have yet, or none.
    ///
    /// - Parameters:
    ///   - specs: The specs.
    ///   - job: The job.
    ///   - publish: Puts into the job's folder what belongs to them, called just before the commit.
    /// - Returns: How many were new.
    /// - Throws: A ``StoreError``, or what `publish` throws; then nothing is stored.
    public func add(_ specs: [NewSpec], to job: JobID, publish: () throws -> Void) throws -> Int {
        var failure: (any Error)?
        do {
            return try write { db in
                _ = try storedJob(job, in: db)
                let known = Set(
                    try Row.fetchAll(
                        db, sql: "SELECT experiment, config FROM spec WHERE job = ?", arguments: [job.rawValue]
                    ).map { "\($0["experiment"] as String)\n\($0["config"] as String)" })
                // Of a search, further specs are further choices.
                let new = specs.filter { $0.isOpen || !known.contains("\($0.experiment)\n\($0.config)") }
                guard !new.isEmpty else { return 0 }
                let last = try Int.fetchOne(
                    db, sql: "SELECT MAX(position) FROM spec WHERE job = ?", arguments: [job.rawValue])
                try insert(new, of: job, from: (last ?? -1) + 1, into: db)
                try db.execute(
                    sql: "UPDATE job SET finished = NULL, cancelled = NULL WHERE id = ?", arguments: [job.rawValue])
                do {
                    try publish()
                } catch {
                    failure = error
                    throw error
                }
                return new.count
            }
        } catch {
            throw failure ?? error
        }
    }

    private static func hasOpenRuns(_ job: JobID, in db: Database) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM run WHERE job = ? AND status IN ('pending', 'running'))",
            arguments: [job.rawValue]) ?? false
    }

    private static func checkOpen(_ run: RunID, in db: Database) throws {
        guard let row = try Row.fetchOne(db, sql: "SELECT status FROM run WHERE id = ?", arguments: [run.rawValue])
        else { throw StoreError.unknownRun(run) }
        let status: RunStatus = try row.word("status")
        guard !status.isSettled else { throw StoreError.settled(run, status) }
    }
}
