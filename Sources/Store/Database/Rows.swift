import Foundation
import GRDB

// How rows become values. The columns are those of `Schema`; a word the program doesn't know means that a
// newer version wrote it, or that the file is damaged. Runs and attempts are read by the columns' places: there are ten
// thousand of them, and finding a column by its name takes longer than reading it.

extension Row {
    func word<T: RawRepresentable>(_ column: String) throws -> T where T.RawValue == String {
        try Self.word(self[column], column)
    }

    static func word<T: RawRepresentable>(_ text: String, _ column: @autoclosure () -> String) throws -> T
    where T.RawValue == String {
        guard let value = T(rawValue: text) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "\(column()) is '\(text)'")
        }
        return value
    }

    func time(_ column: String) -> Timestamp? {
        (self[column] as Double?).map(Timestamp.init)
    }

    func requiredTime(_ column: String) -> Timestamp {
        Timestamp(rawValue: self[column])
    }
}

extension Job {
    init(row: Row, in cache: CacheFolder) throws {
        id = JobID(rawValue: row["id"])
        folder = cache.folder(of: id)
        token = row["token"]
        suffix = row["suffix"]
        project = row["project"]
        created = row.requiredTime("created")
        submittedFrom = row["submitted_from"]
        executor = try row.word("executor")
        agentCount = row["agent_count"]
        maxRetries = row["max_retries"]
        createReport = row["create_report"]
        options = try JSONDecoder().decode(JobOptions.self, from: Data((row["options"] as String).utf8))
        submission = try row.word("submission")
        slurmJobID = row["slurm_job_id"]
        cancelled = row.time("cancelled")
        finished = row.time("finished")
        title = row["title"]
        note = row["note"]
        tags = try Tags.parse(row["tags"])
        held = row.time("held")
        halted = row["halted"]
        after = (row["after"] as Int64?).map(JobID.init)
        maxRunning = row["max_running"]
        agentsLimit = row["agents_limit"]
        failFast = row["fail_fast"]
        settings = try JSONDecoder().decode([String].self, from: Data((row["settings"] as String).utf8))
        sweepSeed = row["sweep_seed"]
        hasPresentWorker = row["steps_known"] as Int? == Schema.steps
        links =
            try (row["links"] as String?).map { try JSONDecoder().decode([JobLink].self, from: Data($0.utf8)) } ?? []
    }
}

extension Spec {
    /// The columns a query has to select: named, or a statement that is kept would mistake them once there are more.
    static let columns = """
        spec.run, spec.job, spec.position, spec.experiment, spec.config, spec.target, spec.target_files,
        \(KnownConfig.text) AS known_config, \(KnownConfig.overrides) AS known_overrides
        """

    init(row: Row, in cache: CacheFolder) throws {
        run = try row.word("run")
        job = JobID(rawValue: row["job"])
        position = row["position"]
        experiment = row["experiment"]
        config = row["config"]
        knownConfig = row["known_config"]
        overrides = row["known_overrides"]
        target = row["target"]
        targetFiles = (row["target_files"] as String?).map(cache.absolute)
        search = row["definition"]
    }
}

/// Reads the runs that a query finds.
struct RunReader {
    /// What the query has to select; without `overrides` from the spec, these are told to ``run(_:overrides:)``.
    static func columns(_ numbers: WantedNumbers, overrides: String = KnownConfig.overrides) -> String {
        let (losses, metrics) = if case .none = numbers { ("NULL", "NULL") } else { ("losses", "metrics") }
        return """
            run.id, run.job, run.position, run.experiment, \(overrides), status, attempt, agent, step, steps,
            steps_per_second, \(losses), error, \(metrics), run.started, run.ended, held, priority, run.note, run.tags
            """
    }

    /// How many columns that are.
    static let columnCount = 20

    private let cache: CacheFolder
    private var losses, metrics: NumbersReader

    init(in cache: CacheFolder, _ numbers: WantedNumbers) {
        self.cache = cache
        (losses, metrics) = (NumbersReader(numbers), NumbersReader(numbers))
    }

    mutating func run(_ row: Row, overrides: String? = nil) throws -> Run {
        let id: RunID = try Row.word(row[0], "id")
        return Run(
            id: id, job: JobID(rawValue: row[1]), position: row[2], experiment: row[3],
            overrides: overrides ?? row[4],
            status: try Row.word(row[5], "status"), attempt: row[6], agent: (row[7] as Int64?).map(AgentID.init),
            progress: Progress(
                step: row[8], steps: row[9], stepsPerSecond: row[10], losses: try losses.parse(row[11])),
            folder: cache.folder(of: id), error: row[12], metrics: try metrics.parse(row[13]),
            started: (row[14] as Double?).map(Timestamp.init), ended: (row[15] as Double?).map(Timestamp.init),
            isHeld: row[16], priority: row[17], note: row[18], tags: try Tags.parse(row[19]))
    }

    /// The runs that a query of ``columns(_:)`` finds.
    static func all(
        _ db: Database, in cache: CacheFolder, _ numbers: WantedNumbers, sql: String, arguments: StatementArguments
    ) throws -> [Run] {
        var reader = RunReader(in: cache, numbers)
        var runs: [Run] = []
        let rows = try Row.fetchCursor(db, sql: sql, arguments: arguments)
        while let row = try rows.next() { runs.append(try reader.run(row)) }
        return runs
    }
}

extension Attempt {
    /// What a query has to select for ``all(_:sql:arguments:)``.
    static let columns = """
        attempt.run, number, attempt.agent, attempt.started, lease_until, attempt.ended, outcome, reason, cores,
        cpu_seconds, peak_memory
        """

    /// The attempts that a query of ``columns`` finds.
    static func all(_ db: Database, sql: String, arguments: StatementArguments) throws -> [Attempt] {
        var attempts: [Attempt] = []
        let rows = try Row.fetchCursor(db, sql: sql, arguments: arguments)
        while let row = try rows.next() { attempts.append(try Attempt(row)) }
        return attempts
    }

    init(_ row: Row) throws {
        run = try Row.word(row[0], "run")
        number = row[1]
        agent = AgentID(rawValue: row[2])
        started = Timestamp(rawValue: row[3])
        leaseUntil = Timestamp(rawValue: row[4])
        ended = (row[5] as Double?).map(Timestamp.init)
        outcome = try (row[6] as String?).map { try Row.word($0, "outcome") }
        reason = row[7]
        cores = row[8]
        cpuSeconds = row[9]
        peakMemory = row[10]
    }
}

extension Agent {
    init(row: Row) throws {
        id = AgentID(rawValue: row["id"])
        job = JobID(rawValue: row["job"])
        // Workers of earlier versions left it out where SLURM gave them none.
        number = row["number"] ?? row["id"]
        state = try row.word("state")
        host = row["host"]
        pid = row["pid"]
        slurm = SlurmPlace(
            job: row["slurm_job_id"], arrayJob: row["slurm_array_job_id"],
            arrayTask: row["slurm_array_task_id"])
        run = (row["run"] as String?).flatMap(RunID.init)
        runCount = row["runs"] ?? 0
        started = row.requiredTime("started")
        heartbeat = row.time("heartbeat")
        allocationEnd = row.time("allocation_end")
        memoryKills = row["memory_kills"]
        ended = row.time("ended")
        reason = row["reason"]
        isLost = row["lost"]
        isLeaving = row["leaving"]
        usage = (row["cores"] as Int?).map {
            Usage(cores: $0, cpuSeconds: row["cpu_seconds"] ?? 0, peakMemory: row["peak_memory"] ?? 0)
        }
        isReplaced = row["replaced"] as Double? != nil
    }
}
