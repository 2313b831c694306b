import GRDB

/// What SLURM has said about an agent's job that it ended; kept, because SLURM itself forgets it within minutes.
public struct SlurmEnding: Sendable, Equatable {
    /// The job's name as SLURM shows it: `812`, or `812_3` for an array's task.
    public let name: String
    /// The number of the job or task itself.
    public let number: Int64
    /// The number of the array, the job's own if it is none.
    public let arrayJob: Int64
    /// Its state, in SLURM's word.
    public let state: String
    /// Why, in SLURM's word (`None`, `BadConstraints`).
    public let reason: String
    /// The nodes it had, as SLURM writes them.
    public let nodes: String

    /// Describes an ending.
    public init(name: String, number: Int64, arrayJob: Int64, state: String, reason: String, nodes: String) {
        self.name = name
        self.number = number
        self.arrayJob = arrayJob
        self.state = state
        self.reason = reason
        self.nodes = nodes
    }
}

extension Store {
    /// Stores what SLURM says about a job's ended agents, replacing what it said before.
    ///
    /// - Parameters:
    ///   - endings: What it says.
    ///   - job: The job.
    ///   - others: SLURM's numbers for agents of which it says that they continue, or have ended well: what it has said
    ///     of their ends before is over, as for one that was started again.
    /// - Throws: What keeps the file from being changed.
    public func note(_ endings: [SlurmEnding], of job: JobID, others: Set<Int64> = []) throws(StoreError) {
        let known = try read { db in try Self.endings(of: job, in: db) }
        // Tasks of an array that never had a node may share its number.
        let present = Dictionary(endings.map { ($0.number, $0) }) { $1 }
        let news = present.values.filter { !known.contains($0) }
        let outdated = known.map(\.number).filter { others.contains($0) && present[$0] == nil }
        guard !news.isEmpty || !outdated.isEmpty else { return }
        try write { db in
            for number in outdated {
                try db.execute(
                    sql: "DELETE FROM slurm_ending WHERE job = ? AND number = ?", arguments: [job.rawValue, number])
            }
            for ending in news {
                try db.execute(
                    sql: """
                        INSERT INTO slurm_ending (job, number, name, array_job, state, reason, nodes)
                        SELECT ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM job WHERE id = ?)
                        ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason,
                          nodes = excluded.nodes
                        """,
                    arguments: [
                        job.rawValue, ending.number, ending.name, ending.arrayJob, ending.state, ending.reason,
                        ending.nodes, job.rawValue,
                    ])
            }
        }
    }

    static func endings(of job: JobID, in db: Database) throws -> [SlurmEnding] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM slurm_ending WHERE job = ? ORDER BY array_job, number", arguments: [job.rawValue]
        ).map { row in
            SlurmEnding(
                name: row["name"], number: row["number"], arrayJob: row["array_job"], state: row["state"],
                reason: row["reason"], nodes: row["nodes"])
        }
    }
}
