import Foundation
import GRDB

extension Store {
    /// Stores a job with all its specs, or nothing.
    ///
    /// The specs can be claimed as soon as this returns. Each gets its run's name, which never changes.
    /// A local job has its agents noted too, as `starting`; SLURM's agents register when they start.
    ///
    /// - Parameters:
    ///   - new: The job.
    ///   - specs: Its specs in order.
    ///   - sbatchCalls: The `sbatch` calls that are to be made: each one's script and number of agents.
    ///   - publish: Puts the job's folder into place, given the job's number; called just before the commit, while no
    ///     other process can change the state. It must not use the store.
    /// - Returns: The job as it is stored.
    /// - Throws: A ``StoreError``, or what `publish` throws; then nothing is stored.
    public func insertJob(
        _ new: NewJob, specs: [NewSpec], sbatchCalls: [(script: String, agents: Int)] = [],
        publish: (JobID) throws -> Void
    ) throws -> Job {
        var failure: (any Error)?
        do {
            return try write { db in
                if let after = new.after { _ = try storedJob(after, in: db) }
                let id = try insert(new, into: db)
                try insert(specs, of: id, into: db)
                if new.executor == .local {
                    try Self.addAgents(new.agentCount, to: id, at: now(), in: db)
                }
                try Self.add(sbatchCalls, to: id, in: db)
                do {
                    try publish(id)
                } catch {
                    failure = error
                    throw error
                }
                return try storedJob(id, in: db)
            }
        } catch {
            throw failure ?? error
        }
    }

    /// Records that the job's agents are started, or that SLURM has queued them as `slurmJobID`.
    public func markSubmitted(_ job: JobID, slurmJobID: Int64? = nil) throws(StoreError) {
        try write { db in
            try db.execute(
                sql: "UPDATE job SET submission = 'submitted', slurm_job_id = ? WHERE id = ?",
                arguments: [slurmJobID, job.rawValue])
        }
    }

    /// Records that the job is over: nothing of it is left, and the summary is written.
    ///
    /// - Returns: Whether it is the first time, so what follows the end is done once.
    /// - Throws: What keeps the file from being changed.
    public func markFinished(_ job: JobID) throws(StoreError) -> Bool {
        let now = now()
        return try write { db in
            try db.execute(
                sql: """
                    UPDATE job SET finished = ? WHERE id = ? AND finished IS NULL AND NOT EXISTS
                      (SELECT 1 FROM run WHERE job = job.id AND status IN ('pending', 'running'))
                    """, arguments: [now.rawValue, job.rawValue])
            return db.changesCount == 1
        }
    }

    /// Records that the job's worker was replaced by one that can use the state file of today.
    public func noteWorker(of job: JobID) throws(StoreError) {
        try write { db in
            try db.execute(
                sql: "UPDATE job SET steps_known = ? WHERE id = ?", arguments: [Schema.steps, job.rawValue])
        }
    }

    /// Removes a job whose agents could not be started, and all its specs.
    ///
    /// A job that an agent has begun is left alone.
    ///
    /// - Returns: Whether the job was removed.
    public func withdraw(_ job: JobID) throws(StoreError) -> Bool {
        try write { db in
            let begun = try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT 1 FROM run WHERE job = ? AND attempt > 0)",
                arguments: [job.rawValue])
            guard begun == false else { return false }
            try db.execute(sql: "DELETE FROM job WHERE id = ?", arguments: [job.rawValue])
            // No agent knows the number, so the next job may have it.
            try db.execute(
                sql: "UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'job' AND seq = ?",
                arguments: [job.rawValue])
            return true
        }
    }

    func storedJob(_ id: JobID, in db: Database) throws -> Job {
        guard
            let row = try Row.fetchOne(
                db, sql: "SELECT * FROM job WHERE id = ?", arguments: [id.rawValue])
        else {
            let latest = try Int64.fetchAll(db, sql: "SELECT id FROM job ORDER BY id DESC LIMIT 5")
            throw StoreError.unknownJob(id, latest: latest.map(JobID.init))
        }
        return try Job(row: row, in: cache)
    }

    private func insert(_ new: NewJob, into db: Database) throws -> JobID {
        try db.execute(
            sql: """
                INSERT INTO job (token, suffix, project, created, folder, submitted_from, executor,
                  agent_count, max_retries, create_report, options, submission, steps_known, after, max_running,
                  fail_fast, settings, sweep_seed)
                VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                new.token, new.suffix, new.project, now().rawValue, new.submittedFrom,
                new.executor.rawValue, new.agentCount, new.maxRetries, new.createReport,
                String(decoding: try JSONEncoder().encode(new.options), as: UTF8.self), SubmissionState.stored.rawValue,
                Schema.steps, new.after?.rawValue, new.maxRunning, new.failFast,
                String(decoding: try JSONEncoder().encode(new.settings), as: UTF8.self), new.sweepSeed,
            ])
        let id = JobID(rawValue: db.lastInsertedRowID)
        try db.execute(
            sql: "UPDATE job SET folder = ? WHERE id = ?",
            arguments: [cache.relative(cache.folder(of: id).path), id.rawValue])
        return id
    }

    /// Stores specs behind those that the job has.
    func insert(_ specs: [NewSpec], of job: JobID, from first: Int = 0, into db: Database) throws {
        var generator = SystemRandomNumberGenerator()
        let insertSpec = try db.makeStatement(
            sql: """
                INSERT INTO spec (run, job, position, experiment, config, overrides, target, target_files, search, open)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run) DO NOTHING
                """)
        var searches = try SearchNumbers(of: job, in: db)
        var names: [String] = []
        names.reserveCapacity(specs.count)
        for (index, spec) in specs.enumerated() {
            let search = try searches.number(of: spec, in: db)
            let position = first + index
            var run: RunID
            repeat {  // until the name is not taken; with 36^8 names that is the first time
                run = RunID.random(using: &generator)
                try insertSpec.execute(arguments: [
                    run.rawValue, job.rawValue, position, spec.experiment, spec.config, spec.overrides,
                    spec.target, spec.targetFiles.map(cache.relative), search, spec.isOpen,
                ])
            } while db.changesCount == 0
            names.append(run.rawValue)
        }
        // Nearly all are of one length, and one statement adds them faster than one for each. It is told their names, or
        // SQLite would read all configs again to get there.
        var start = 0
        while start < specs.count {
            let (experiment, steps) = (specs[start].experiment, specs[start].steps)
            let end = specs[start...].firstIndex { $0.steps != steps || $0.experiment != experiment } ?? specs.count
            let list = names[start..<end].map { "\"\($0)\"" }.joined(separator: ",")
            try db.execute(
                sql: """
                    INSERT INTO run (id, job, position, experiment, status, steps, folder)
                    SELECT value, ?, ? + key, ?, 'pending', ?, ? || '/' || value FROM json_each(?) ORDER BY key
                    """,
                arguments: [
                    job.rawValue, first + start, experiment, steps, cache.relative(cache.runs), "[\(list)]",
                ])
            start = end
        }
    }
}
