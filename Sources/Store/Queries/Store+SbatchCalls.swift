import Foundation
import GRDB

/// How far one `sbatch` call has come.
public enum SbatchState: String, Sendable, Codable {
    /// The script is written; `sbatch` has not been called.
    case planned
    /// `sbatch` has been called, and nobody has noted its answer yet.
    case begun
    /// SLURM has taken it.
    case submitted
    /// SLURM has refused it, or it is no longer wanted: if SLURM has it after all, its agents find nothing to do.
    case refused

    /// Whether something is still to be done, or found out.
    public var isOpen: Bool { self == .planned || self == .begun }
}

/// One `sbatch` call that starts agents of a job; a job has several when its array had to be split or agents were added.
public struct SbatchCall: Sendable, Equatable, Identifiable {
    /// The call's number in the state file.
    public let id: Int64
    /// The job.
    public let job: JobID
    /// The batch script's name in the job's folder.
    public let script: String
    /// How many agents it starts.
    public let agents: Int
    /// How far it has come.
    public let state: SbatchState
    /// The machine that called `sbatch`, or is to; empty once that has ended without SLURM's answer.
    public let host: String
    /// When `sbatch` was called, or ended without an answer; `nil` before, and once it can't bring a job any more.
    public let begun: Timestamp?
    /// SLURM's number for it.
    public let slurmJobID: Int64?
    /// Its agents' options; `nil` if they are those of the job's first agents.
    public let options: JobOptions?

    /// This long after it began, a call of which nothing is heard brings no job into SLURM's queue any more.
    public static let settling = Duration.seconds(180)
}

extension Store {
    /// Every `sbatch` call for a job, in order.
    public func sbatchCalls(of job: JobID) throws(StoreError) -> [SbatchCall] {
        try read { db in try Self.sbatchCalls(of: job, in: db) }
    }

    static func sbatchCalls(of job: JobID, in db: Database) throws -> [SbatchCall] {
        try Row.fetchAll(db, sql: "SELECT * FROM launch WHERE job = ? ORDER BY id", arguments: [job.rawValue])
            .map { row in
                let options = row["options"] as String?
                return SbatchCall(
                    id: row["id"], job: JobID(rawValue: row["job"]), script: row["script"], agents: row["agents"],
                    state: try row.word("state"), host: row["host"], begun: row.time("begun"),
                    slurmJobID: row["slurm_job_id"],
                    options: try options.map { try JSONDecoder().decode(JobOptions.self, from: Data($0.utf8)) })
            }
    }

    /// Jobs with work left whose agents are not all known to be submitted.
    public func jobsWithOpenSbatchCalls() throws(StoreError) -> [JobID] {
        try read { db in
            try Int64.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT job FROM launch WHERE state IN ('planned', 'begun') AND EXISTS
                      (SELECT 1 FROM run WHERE run.job = launch.job AND status IN ('pending', 'running'))
                    """
            ).map(JobID.init)
        }
    }

    /// Jobs with local agents on this machine that have not been started yet.
    public func jobsWithUnstartedAgents() throws(StoreError) -> [JobID] {
        let past = now() + .seconds(-5)
        return try read { db in
            try Int64.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT agent.job FROM agent JOIN job ON job.id = agent.job AND executor = 'local'
                    WHERE state = 'starting' AND pid IS NULL AND started < ? AND host = ?
                    """, arguments: [past.rawValue, AgentIdentity.thisHost]
            ).map(JobID.init)
        }
    }

    /// Jobs that have had nothing left for a while, but whose last agent has not finished them.
    public func jobsToFinish() throws(StoreError) -> [JobID] {
        let past = now() + .seconds(-120)
        return try read { db in
            try Int64.fetchAll(
                db,
                sql: """
                    SELECT id FROM job WHERE finished IS NULL AND created < :past AND NOT EXISTS
                      (SELECT 1 FROM run WHERE run.job = job.id AND (status IN ('pending', 'running') OR ended > :past))
                    """, arguments: ["past": past.rawValue]
            ).map(JobID.init)
        }
    }

    /// Notes `sbatch` calls that are to be made.
    ///
    /// - Parameters:
    ///   - sbatchCalls: The name of each call's script and the number of agents that it starts.
    ///   - job: The job.
    ///   - options: What their agents get; `nil` if it is what the job's first ones got.
    ///   - replaced: A call whose place they take.
    /// - Throws: What keeps the file from being changed.
    public func addSbatchCalls(
        _ sbatchCalls: [(script: String, agents: Int)], to job: JobID, options: JobOptions? = nil,
        replacing replaced: SbatchCall? = nil
    ) throws(StoreError) {
        try write { db in
            if let replaced { try Self.set(replaced, to: .refused, in: db) }
            try Self.add(sbatchCalls, to: job, options: options, in: db)
        }
    }

    static func add(
        _ sbatchCalls: [(script: String, agents: Int)], to job: JobID, options: JobOptions? = nil, in db: Database
    ) throws {
        let options = try options.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        for call in sbatchCalls {
            try db.execute(
                sql: """
                    INSERT INTO launch (job, script, agents, state, host, options) VALUES (?, ?, ?, 'planned', ?, ?)
                    """,
                arguments: [job.rawValue, call.script, call.agents, AgentIdentity.thisHost, options])
        }
    }

    /// Records that `sbatch` is about to be called.
    public func begin(_ call: SbatchCall) throws(StoreError) {
        let now = now()
        try write { db in
            try db.execute(
                sql: "UPDATE launch SET state = 'begun', begun = ?, host = ? WHERE id = ?",
                arguments: [now.rawValue, AgentIdentity.thisHost, call.id])
        }
    }

    /// Records that `sbatch` has ended without anybody knowing whether SLURM has taken the job.
    ///
    /// - Parameters:
    ///   - call: The call.
    ///   - mayCome: Whether the controller may still be about to take the job.
    /// - Throws: What keeps the file from being changed.
    public func noteUnclear(_ call: SbatchCall, mayCome: Bool) throws(StoreError) {
        let now = now()
        try write { db in
            try db.execute(
                sql: "UPDATE launch SET begun = ?, host = '' WHERE id = ?",
                arguments: [mayCome ? now.rawValue : nil, call.id])
            try db.execute(
                sql: "UPDATE job SET submission = 'uncertain', slurm_job_id = NULL WHERE id = ?",
                arguments: [call.job.rawValue])
        }
    }

    /// Records that SLURM has taken a call under a number.
    public func settle(_ call: SbatchCall, as slurmJobID: Int64) throws(StoreError) {
        try write { db in try Self.settle(call, as: slurmJobID, in: db) }
    }

    private static func settle(_ call: SbatchCall, as slurmJobID: Int64, in db: Database) throws {
        try db.execute(
            sql: "UPDATE launch SET state = 'submitted', slurm_job_id = ? WHERE id = ?",
            arguments: [slurmJobID, call.id])
    }

    /// Jobs with nothing left to do and `sbatch` calls that nobody has settled.
    public func jobsWithNeedlessSbatchCalls() throws(StoreError) -> [JobID] {
        try read { db in
            try Int64.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT job FROM launch WHERE state IN ('planned', 'begun') AND NOT EXISTS
                      (SELECT 1 FROM run WHERE run.job = launch.job AND status IN ('pending', 'running'))
                    """
            ).map(JobID.init)
        }
    }

    /// Settles the open `sbatch` calls of a job that has nothing left to do, without asking SLURM: those that agents have
    /// come of were taken, the others are not wanted any more.
    ///
    /// A call that began less than ``SbatchCall/settling`` ago may still bring agents, and stays open.
    public func closeNeedlessSbatchCalls(of job: JobID) throws(StoreError) {
        let now = now()
        try write { db in
            let counts = try Self.counts(of: job, in: db)
            guard counts[.pending] + counts[.running] == 0 else { return }
            let calls = try Self.sbatchCalls(of: job, in: db)
            let numbers = try Self.agents(of: job, in: db).compactMap { $0.slurm.arrayJob ?? $0.slurm.job }
            var unknown = Set(numbers).subtracting(calls.compactMap(\.slurmJobID)).sorted()[...]
            for call in calls where call.state.isOpen {
                if call.state == .begun, let number = unknown.popFirst() {
                    try Self.settle(call, as: number, in: db)
                } else if call.begun.map({ now - $0 > SbatchCall.settling }) ?? true {
                    try Self.set(call, to: .refused, in: db)
                }
            }
            try db.execute(
                sql: """
                    UPDATE job SET submission = 'submitted', slurm_job_id =
                      (SELECT slurm_job_id FROM launch WHERE job = :job AND state = 'submitted' ORDER BY id DESC LIMIT 1)
                    WHERE id = :job AND EXISTS (SELECT 1 FROM launch WHERE job = :job AND state = 'submitted')
                    """, arguments: ["job": job.rawValue])
        }
    }

    /// Records that SLURM has refused a call.
    public func refuse(_ call: SbatchCall) throws(StoreError) {
        try write { db in try Self.set(call, to: .refused, in: db) }
    }

    private static func set(_ call: SbatchCall, to state: SbatchState, in db: Database) throws {
        try db.execute(
            sql: "UPDATE launch SET state = ? WHERE id = ?", arguments: [state.rawValue, call.id])
    }
}
