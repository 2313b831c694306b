import GRDB

/// What a table of a job's runs needs to know of the job before the first row.
public struct RunsOutline: Sendable {
    /// When it was read.
    public let time: Timestamp
    /// The job.
    public let job: Job
    /// Its agents in the order of their start.
    public let agents: [Agent]
    /// The places that its runs have in it.
    public let positions: Range<Int>
    /// The names of all metrics that its runs have.
    public let metrics: Set<String>
}

/// A run with all that a table shows of it, from one moment.
public struct RunRecord: Sendable {
    /// The run.
    public let run: Run
    /// Its config, as in ``Spec/knownConfig``.
    public let config: String
    /// Every attempt, the first one first.
    public let attempts: [Attempt]
}

extension Store {
    /// Reads what a table of a job's runs begins with.
    ///
    /// - Throws: ``StoreError/unknownJob(_:latest:)`` and whatever keeps the file from being read.
    public func outline(of job: JobID) throws(StoreError) -> RunsOutline {
        let now = now()
        return try read { db in
            let stored = try storedJob(job, in: db)
            let last = try Int.fetchOne(
                db, sql: "SELECT MAX(position) FROM spec WHERE job = ?", arguments: [job.rawValue])
            return RunsOutline(
                time: now, job: stored, agents: try Self.agents(of: job, in: db),
                positions: 0..<(last.map { $0 + 1 } ?? 0), metrics: try Self.metricNames(of: job, in: db))
        }
    }

    /// Some of a job's runs: a job has too many to hold all of them.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - positions: The runs' places in it.
    /// - Returns: The runs in the order of the places, as they are at one moment; none for a place without a run.
    /// - Throws: What keeps the file from being read.
    public func records(of job: JobID, at positions: [Int]) throws(StoreError) -> [RunRecord] {
        try read { db in
            let from = """
                FROM json_each(:places) AS place CROSS JOIN spec ON spec.job = :job AND spec.position = place.value
                """
            let arguments: StatementArguments = [
                "places": "[" + positions.map(String.init).joined(separator: ",") + "]", "job": job.rawValue,
            ]
            var attempts: [RunID: [Attempt]] = [:]
            let all = try Attempt.all(
                db, sql: "SELECT \(Attempt.columns) \(from) CROSS JOIN attempt ON attempt.run = spec.run",
                arguments: arguments)
            for attempt in all.sorted(by: { $0.number < $1.number }) {
                attempts[attempt.run, default: []].append(attempt)
            }
            var records: [Int: RunRecord] = Dictionary(minimumCapacity: positions.count)
            var reader = RunReader(in: cache, .all)
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT \(RunReader.columns(.all)), \(KnownConfig.text) \(from)
                    CROSS JOIN run ON run.id = spec.run
                    """, arguments: arguments)
            while let row = try rows.next() {
                let run = try reader.run(row)
                records[run.position] = RunRecord(
                    run: run, config: row[RunReader.columnCount], attempts: attempts[run.id] ?? [])
            }
            return positions.compactMap { records[$0] }
        }
    }

    private static func metricNames(of job: JobID, in db: Database) throws -> Set<String> {
        var known: Set<String> = []
        var last: [String] = []
        var reader = NumbersReader()
        let rows = try Row.fetchCursor(
            db, sql: "SELECT metrics FROM run WHERE job = ? AND metrics IS NOT NULL", arguments: [job.rawValue])
        while let row = try rows.next() {
            let names = try reader.parse(row[0]).names
            // Nearly all have the names of the one before.
            if names != last { known.formUnion(names) }
            last = names
        }
        return known
    }
}
