import GRDB

/// How many of a job's runs are in each state.
public struct RunCounts: Sendable, Equatable {
    private var counts: [RunStatus: Int] = [:]

    /// How many runs have `status`.
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
    /// Its runs' states.
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
    /// Its runs' states.
    public let counts: RunCounts
    /// How many of its unfinished runs are held.
    public let held: Int
    /// How many of its runs are over and known not to be on W&B, wholly or in part.
    public let unsent: Int
    /// Its agents in the order of their start.
    public let agents: [Agent]
    /// The `sbatch` calls that were made for it.
    public let sbatchCalls: [SbatchCall]
    /// What SLURM has said about agents that ended badly.
    public let endings: [SlurmEnding]
    /// The remaining work and the speed so far.
    public let work: Work
    /// The runs that failed, in the order of their specs.
    public let failures: [RunFailure]
    /// Its runs in the order of their specs; if only some were asked for, those that are most worth a look.
    public let runs: [Run]
}

/// A run that failed, or is kept from going on, and why.
public struct RunFailure: Sendable, Equatable {
    /// The run.
    public let run: RunID
    /// Why.
    public let error: String?
}

/// The basis for how long a job will take.
public struct Work: Sendable, Equatable {
    /// Runs of one experiment.
    public struct Experiment: Sendable, Equatable {
        /// The steps that its waiting runs have left.
        public let waitingSteps: Int
        /// The most steps that one waiting run has left.
        public let longestWait: Int
        /// The mean time of a step in the runs that are done, `nil` before the first.
        public let secondsPerStep: Double?
        /// How many runs that mean is of.
        public let done: Int
    }

    /// By name.
    public let experiments: [String: Experiment]
    /// The experiment and progress of every run that an agent holds.
    public let running: [Running]

    /// A run that an agent holds.
    public struct Running: Sendable, Equatable {
        /// Its experiment.
        public let experiment: String
        /// How far it has come, without its losses.
        public let progress: Progress
    }
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
                let job = try Job(row: row, in: cache)
                return JobSummary(
                    job: job, counts: counts[job.id] ?? RunCounts(), runningAgents: running[job.id] ?? 0)
            }
        }
    }

    /// One job.
    public func job(_ id: JobID) throws(StoreError) -> Job {
        try read { db in try storedJob(id, in: db) }
    }

    /// A job with its agents and runs, all from the same moment.
    ///
    /// - Parameters:
    ///   - id: The job.
    ///   - limit: How many runs to read in full: those that run come first, then failed ones, then those that
    ///     wait. Counts, work and failures are of all runs.
    ///   - numbers: Which of the runs' losses and metrics to read.
    /// - Returns: The job as it is now.
    /// - Throws: ``StoreError/unknownJob(_:latest:)`` and whatever keeps the file from being read.
    public func snapshot(
        of id: JobID, runsAtMost limit: Int = .max, numbers: WantedNumbers = .all
    ) throws(StoreError) -> JobSnapshot {
        let now = now()
        return try read { db in
            let job = try storedJob(id, in: db)
            let counts = try Self.counts(of: id, in: db)
            let failures = try Row.fetchAll(
                db, sql: "SELECT id, error FROM run WHERE job = ? AND status = 'failed' ORDER BY position",
                arguments: [id.rawValue])
            let (work, unsent) = try Self.work(of: id, in: db)
            return JobSnapshot(
                time: now, job: job, counts: counts, held: try Self.held(of: id, in: db),
                unsent: unsent, agents: try Self.agents(of: id, in: db),
                sbatchCalls: try Self.sbatchCalls(of: id, in: db), endings: try Self.endings(of: id, in: db),
                work: work,
                failures: try failures.map { RunFailure(run: try $0.word("id"), error: $0["error"]) },
                runs: counts.total <= limit
                    ? try self.runs(of: id, numbers, in: db)
                    : try self.runs(of: id, atMost: limit, numbers, in: db))
        }
    }

    private static func held(of job: JobID, in db: Database) throws -> Int {
        try Int.fetchOne(
            db, sql: "SELECT COUNT(*) FROM run WHERE job = ? AND held AND status IN ('pending', 'running')",
            arguments: [job.rawValue]) ?? 0
    }

    /// A job's remaining work.
    public func openWork(of job: JobID) throws(StoreError) -> OpenWork {
        try read { db in
            let counts = try Self.counts(of: job, in: db)
            return OpenWork(pending: counts[.pending], running: counts[.running])
        }
    }

    /// How many of a job's waiting runs each of its agents can expect: those that may be working at once, if the job
    /// says how many; at least one.
    public func waitingRunsPerAgent(of job: JobID) throws(StoreError) -> Int {
        try read { db in
            let stored = try storedJob(job, in: db)
            let runs = min(try Self.counts(of: job, in: db)[.pending], stored.maxRunning ?? .max)
            return max(1, (runs + stored.agentCount - 1) / stored.agentCount)
        }
    }

    /// A run's task.
    public func spec(of run: RunID) throws(StoreError) -> Spec {
        try read { db in
            guard let spec = try spec(of: run.rawValue, in: db) else { throw StoreError.unknownRun(run) }
            return spec
        }
    }

    /// The spec that is claimed next, `nil` when none waits.
    public func nextSpec(of job: JobID) throws(StoreError) -> Spec? {
        try read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT \(Spec.columns) FROM spec WHERE run = \(Self.nextRun)
                    """, arguments: ["job": job.rawValue]
            ).map { try Spec(row: $0, in: cache) }
        }
    }

    /// Every attempt at a run, the first one first.
    public func attempts(at run: RunID) throws(StoreError) -> [Attempt] {
        try read { db in
            try Attempt.all(
                db, sql: "SELECT \(Attempt.columns) FROM attempt WHERE run = ? ORDER BY number",
                arguments: [run.rawValue])
        }
    }

    /// Every spec of a job, in order.
    public func specs(of job: JobID) throws(StoreError) -> [Spec] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT \(Spec.columns) FROM spec WHERE job = ? ORDER BY position", arguments: [job.rawValue]
            ).map { try Spec(row: $0, in: cache) }
        }
    }

    /// Takes ``Spec/knownConfig`` of every run of a job, one by one and in order: together they are megabytes.
    public func forEachConfig(of job: JobID, _ body: (RunID, String) throws -> Void) throws(StoreError) {
        try read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT run, \(KnownConfig.text) FROM spec WHERE job = ? ORDER BY position",
                arguments: [job.rawValue])
            while let row = try rows.next() { try body(try Row.word(row[0], "run"), row[1]) }
        }
    }

    /// Every attempt at a run of a job, by run and number.
    public func attempts(of job: JobID) throws(StoreError) -> [Attempt] {
        try read { db in
            var positions: [String: Int] = [:]
            let runs = try Row.fetchCursor(
                db, sql: "SELECT id, position FROM run WHERE job = ?", arguments: [job.rawValue])
            while let run = try runs.next() { positions[run[0]] = run[1] }
            // Attempts lie in the order of their runs' names: where many are wanted, it is faster to read all of them.
            let stored = try Int.fetchOne(db, sql: "SELECT MAX(rowid) FROM run") ?? 0
            guard positions.count * 8 > stored else {
                return try Attempt.all(
                    db,
                    sql: """
                        SELECT \(Attempt.columns) FROM spec CROSS JOIN attempt ON attempt.run = spec.run
                        WHERE spec.job = ? ORDER BY spec.position, number
                        """, arguments: [job.rawValue])
            }
            var found: [Attempt] = []
            var order: [(position: Int, place: Int)] = []
            let rows = try Row.fetchCursor(
                db, sql: "SELECT \(Attempt.columns) FROM attempt ORDER BY run, number")
            while let row = try rows.next() {
                guard let position = positions[row[0]] else { continue }
                order.append((position, found.count))
                found.append(try Attempt(row))
            }
            return order.sorted { $0 < $1 }.map { found[$0.place] }
        }
    }

    private func runs(of job: JobID, _ numbers: WantedNumbers, in db: Database) throws -> [Run] {
        // One table after the other: looking up each run by its name takes longer than reading both.
        var overrides: [Int: String] = [:]
        let specs = try Row.fetchCursor(
            db, sql: "SELECT position, \(KnownConfig.overrides) FROM spec WHERE job = ? ORDER BY position",
            arguments: [job.rawValue])
        while let spec = try specs.next() { overrides[spec[0]] = spec[1] }
        var reader = RunReader(in: cache, numbers)
        var runs: [Run] = []
        runs.reserveCapacity(overrides.count)
        let rows = try Row.fetchCursor(
            db, sql: "SELECT \(RunReader.columns(numbers, overrides: "NULL")) FROM run WHERE job = ?",
            arguments: [job.rawValue])
        while let row = try rows.next() {
            guard let own = overrides[row[2]] else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "run \(row[0] as String) has no spec")
            }
            runs.append(try reader.run(row, overrides: own))
        }
        return runs.sorted { $0.position < $1.position }
    }

    /// Some of the runs, those first that are most worth a look.
    private func runs(of job: JobID, atMost limit: Int, _ numbers: WantedNumbers, in db: Database) throws -> [Run] {
        var runs: [Run] = []
        for status in [RunStatus.running, .failed, .pending, .done, .stopped, .cancelled] where runs.count < limit {
            runs += try RunReader.all(
                db, in: cache, numbers,
                sql: """
                    SELECT \(RunReader.columns(numbers)) FROM run JOIN spec ON spec.run = run.id
                    WHERE run.job = ? AND status = ? ORDER BY run.position LIMIT ?
                    """, arguments: [job.rawValue, status.rawValue, limit - runs.count])
        }
        return runs.sorted { $0.position < $1.position }
    }

    /// The remaining work, and how many runs are over that W&B does not have: one look at all runs finds both.
    private static func work(of job: JobID, in db: Database) throws -> (Work, unsent: Int) {
        let experiments = try Row.fetchAll(
            db,
            sql: """
                SELECT experiment,
                  SUM(CASE status WHEN 'pending' THEN MAX(0, steps - step) ELSE 0 END) AS waiting,
                  MAX(CASE status WHEN 'pending' THEN steps - step ELSE 0 END) AS longest,
                  AVG(CASE WHEN status = 'done' AND steps > 0 THEN (ended - started) / steps END) AS pace,
                  SUM(status = 'done') AS done,
                  SUM(unsent AND status IN ('done', 'failed', 'cancelled', 'stopped')) AS unsent
                FROM run WHERE job = ? GROUP BY experiment
                """, arguments: [job.rawValue]
        ).map { row in
            (
                row["experiment"] as String,
                Work.Experiment(
                    waitingSteps: row["waiting"], longestWait: row["longest"], secondsPerStep: row["pace"],
                    done: row["done"]),
                row["unsent"] as Int
            )
        }
        let running = try Row.fetchAll(
            db,
            sql: """
                SELECT experiment, step, steps, steps_per_second FROM run
                WHERE job = ? AND status = 'running' ORDER BY position
                """, arguments: [job.rawValue]
        ).map { row in
            Work.Running(
                experiment: row["experiment"],
                progress: Progress(
                    step: row["step"], steps: row["steps"], stepsPerSecond: row["steps_per_second"]))
        }
        let work = Work(
            experiments: Dictionary(uniqueKeysWithValues: experiments.map { ($0.0, $0.1) }), running: running)
        return (work, experiments.reduce(0) { $0 + $1.2 })
    }

    static func counts(of job: JobID, in db: Database) throws -> RunCounts {
        var counts = RunCounts()
        let rows = try Row.fetchAll(
            db, sql: "SELECT status, COUNT(*) AS n FROM run WHERE job = ? GROUP BY status",
            arguments: [job.rawValue])
        for row in rows { counts[try row.word("status")] = row["n"] }
        return counts
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
