import GRDB

extension Store {
    /// The columns of each row of ``listing(of:settings:changedSince:)`` before the settings.
    public static let listingFields = [
        "run", "position", "experiment", "status", "attempt", "step", "steps", "steps_per_second", "losses", "metrics",
        "error", "started", "ended", "node", "agent",
    ]

    /// A job's runs as rows of a JSON array, in order: what tables and charts of many runs show.
    ///
    /// SQLite itself writes the text, so ten thousand runs take a moment only. Losses are listed for runs that have no
    /// final metrics yet.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - settings: Keys of the configs, nested ones joined by dots, whose values come after the fields.
    ///   - time: Runs that were settled before and have not begun again are left out; nil: none are.
    /// - Returns: The moment and the array's text.
    /// - Throws: ``StoreError/unknownJob(_:latest:)`` and whatever keeps the file from being read.
    public func listing(
        of job: JobID, settings: [String], changedSince time: Timestamp? = nil
    ) throws(StoreError) -> (time: Timestamp, rows: String) {
        let now = now()
        let values = settings.map { Self.settingValue($0) }
        return try read { db in
            _ = try storedJob(job, in: db)
            var text = "["
            // Specs are already in this order: to sort megabytes, SQLite would write them to a file first.
            let rows = try String.fetchCursor(
                db,
                sql: """
                    SELECT json_array(run.id, run.position, run.experiment, status, attempt, step, steps,
                      steps_per_second, json(coalesce(iif(metrics IS NULL, losses, NULL), '{}')), json(coalesce(metrics, '{}')), error,
                      run.started, run.ended, agent.host, agent.number\(values.map { ", " + $0 }.joined()))
                    FROM spec CROSS JOIN run ON run.id = spec.run LEFT JOIN agent ON agent.id = run.agent
                    WHERE spec.job = :job AND (:time IS NULL OR run.ended >= :time OR status = 'running'
                      OR (status = 'pending' AND attempt > 0))
                    ORDER BY spec.position
                    """, arguments: ["job": job.rawValue, "time": time?.rawValue])
            while let row = try rows.next() {
                if text.utf8.count > 1 { text += ",\n" }
                text += row
            }
            return (now, text + "]")
        }
    }

    /// When runs were at which step, as far as their attempts tell: active seconds, which waiting between attempts does not
    /// count for.
    ///
    /// - Returns: Of each run that has begun, steps and seconds in pairs, both growing.
    public func paces(of runs: [RunID]) throws(StoreError) -> [RunID: [(step: Int, seconds: Double)]] {
        let now = now().rawValue
        return try read { db in
            var paces: [RunID: [(step: Int, seconds: Double)]] = [:]
            for run in runs {
                let attempts = try Row.fetchAll(
                    db,
                    sql: """
                        SELECT from_step, attempt.started, coalesce(attempt.ended, :now) AS ended, step AS reached
                        FROM attempt JOIN run ON run.id = attempt.run WHERE run.id = :run ORDER BY number
                        """, arguments: ["now": now, "run": run.rawValue])
                var knots: [(step: Int, seconds: Double)] = []
                var seconds = 0.0
                for (index, row) in attempts.enumerated() {
                    if knots.isEmpty { knots.append((row["from_step"], 0)) }
                    seconds += max(0, (row["ended"] as Double) - (row["started"] as Double))
                    let reached: Int = index + 1 < attempts.count ? attempts[index + 1]["from_step"] : row["reached"]
                    if let last = knots.last, reached > last.step { knots.append((reached, seconds)) }
                }
                paces[run] = knots
            }
            return paces
        }
    }

    /// The keys that the sweep has set, or will set, for any of a job's runs, in the order of their first appearance.
    public func sweptSettings(of job: JobID) throws(StoreError) -> [String] {
        try read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT json_extract(pair.value, '$[0]') AS name
                    FROM spec, json_each(spec.overrides) AS pair WHERE job = ?
                    GROUP BY name ORDER BY MIN(position), MIN(pair.key)
                    """, arguments: [job.rawValue])
        }
    }

    /// A config for each experiment of a job and each set of keys that its sweeps have set, as JSON: together they have
    /// all keys that there are.
    ///
    /// Values that are still to be chosen are placeholders.
    public func exampleConfigs(of job: JobID) throws(StoreError) -> [String] {
        // A key that is set to null is left out of some configs.
        try read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT config FROM spec WHERE job = ?
                    GROUP BY experiment, (
                      SELECT group_concat(pair.value ->> 0 || (pair.value ->> 1 = 'null')) FROM json_each(overrides) AS pair)
                    ORDER BY MIN(position)
                    """, arguments: [job.rawValue])
        }
    }

    /// Values of some keys of the configs of a job's runs, as JSON texts: SQLite finds them in megabytes of configs in a moment.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - settings: The keys, nested ones joined by dots.
    /// - Returns: The values in the order of the keys, by run; nil for a key that a config lacks, or that is still to be
    ///   chosen.
    /// - Throws: What keeps the file from being read.
    public func configValues(of job: JobID, _ settings: [String]) throws(StoreError) -> [RunID: [String?]] {
        guard !settings.isEmpty else { return [:] }
        let values = settings.map { name in
            Self.path(of: name).map { ", " + KnownConfig.value(of: name, "config -> \($0)") } ?? ", NULL"
        }.joined()
        return try read { db in
            var found: [RunID: [String?]] = [:]
            let rows = try Row.fetchCursor(
                db, sql: "SELECT run\(values) FROM spec WHERE job = ?", arguments: [job.rawValue])
            while let row = try rows.next() {
                let run: RunID = try row.word("run")
                found[run] = settings.indices.map { row[$0 + 1] }
            }
            return found
        }
    }

    /// SQL for the value of a config's key, truth values as such.
    private static func settingValue(_ name: String) -> String {
        guard let path = path(of: name) else { return "NULL" }
        return KnownConfig.value(
            of: name,
            "CASE json_type(config, \(path)) WHEN 'true' THEN json('true') "
                + "WHEN 'false' THEN json('false') ELSE json_extract(config, \(path)) END")
    }

    /// SQL for where a key stands in a config; nil for a name that SQL could take for something else.
    private static func path(of name: String) -> String? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { $0 >= 0x20 && !#""'\"#.utf8.contains($0) }
        }
        return isPlain ? "'$" + parts.map { ".\"\($0)\"" }.joined() + "'" : nil
    }
}
