import GRDB

/// What a finished run shows about how long others will take.
public struct FinishedRun: Sendable, Equatable {
    /// What it computed, as in ``Spec/config``.
    public let config: String
    /// How its target is trained, as in ``Spec/target``.
    public let target: String?
    /// Its length.
    public let steps: Int
    /// How long agents have worked on it; waiting between attempts does not count.
    public let active: Duration
    /// Its job, whose options say on how many threads it ran.
    public let job: Job
}

extension Store {
    /// The runs of an experiment, in any job, that finished last.
    ///
    /// Runs with a failed or lost attempt are left out: how long that attempt worked is not known.
    ///
    /// - Parameters:
    ///   - experiment: The experiment's name.
    ///   - limit: How many at most.
    /// - Returns: The latest first.
    /// - Throws: What keeps the file from being read.
    public func finishedRuns(of experiment: String, atMost limit: Int) throws(StoreError) -> [FinishedRun] {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT run.job, run.steps, spec.config, spec.target,
                      (SELECT SUM(ended - started) FROM attempt WHERE run = run.id) AS active
                    FROM run JOIN spec ON spec.run = run.id
                    WHERE run.experiment = ? AND run.status = 'done' AND run.steps > 0
                      AND NOT EXISTS (SELECT 1 FROM attempt WHERE run = run.id AND outcome NOT IN ('done', 'released'))
                    ORDER BY run.ended DESC LIMIT ?
                    """, arguments: [experiment, limit])
            var jobs: [Int64: Job] = [:]
            return try rows.compactMap { row in
                let number: Int64 = row["job"]
                let job = try jobs[number] ?? storedJob(JobID(rawValue: number), in: db)
                jobs[number] = job
                guard let active: Double = row["active"] else { return nil }
                return FinishedRun(
                    config: row["config"], target: row["target"], steps: row["steps"],
                    active: .seconds(active), job: job)
            }
        }
    }
}
