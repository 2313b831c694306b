import Foundation
import GRDB

/// A spec whose config has not been chosen yet, and what is needed to choose it.
public struct OpenSpec: Sendable {
    /// A spec of the same search that has its config.
    public struct Trial: Sendable, Equatable {
        /// Where its config lies among all that can be chosen.
        public let point: [Double]
        /// What the search has set for it, as in ``Spec/overrides``.
        public let overrides: String
        /// Where its run stands.
        public let status: RunStatus
        /// What its run has reached.
        public let reached: Reached
    }

    /// The search's definition.
    public let search: String
    /// The experiment, a config that is valid except for what the search sets, and how the target is trained.
    public let experiment, config: String
    /// How the target is trained, if it is.
    public let target: String?
    /// Its place among the search's specs, from 0.
    public let number: Int
    /// The specs that have their configs, in order.
    public let trials: [Trial]
}

/// A run's value of its search's metric; lower is better.
public struct Reached: Sendable, Equatable {
    /// The best value, and the one logged last; nil before the first.
    public var best, latest: Double?
    /// Why no further runs of the search begin, as users should read it, where the best value is what was asked for.
    public var ending: String?

    /// Describes it.
    public init(best: Double? = nil, latest: Double? = nil, ending: String? = nil) {
        (self.best, self.latest, self.ending) = (best, latest, ending)
    }
}

/// The config of a spec that was open.
public struct ChosenSpec: Sendable {
    let config, overrides: String
    let steps: Int
    let point: [Double]

    /// Describes it; the texts are JSON as in ``Spec``, `steps` is the length of the run.
    public init(config: String, overrides: String, steps: Int, point: [Double]) {
        (self.config, self.overrides, self.steps, self.point) = (config, overrides, steps, point)
    }
}

/// A caller without knowledge of searches.
public enum NoSearch {
    /// Refuses: the config that an open spec is stored with is not what its search would have run.
    ///
    /// - Throws: Always.
    public static func choose(_ open: OpenSpec) throws -> ChosenSpec { throw Refusal() }

    private struct Refusal: Error, CustomStringConvertible {
        let description = "its search is to choose its config, and who claims it knows of none"
    }
}

extension Store {
    /// Gives a spec the config that its search has left open, in the transaction that claims it.
    func choose(for run: String, _ choose: (OpenSpec) throws -> ChosenSpec, in db: Database) throws {
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT spec.job, spec.search, spec.experiment, spec.config, spec.target, definition,
                          (SELECT COUNT(*) FROM spec AS other WHERE other.job = spec.job
                            AND other.search = spec.search AND other.position < spec.position) AS number
                        FROM spec JOIN search ON search.job = spec.job AND search.number = spec.search
                        WHERE run = ? AND open
                        """), arguments: [run])
        else { return }
        let trials = try Row.fetchAll(
            db,
            sql: """
                SELECT point, overrides, status, cost, latest_cost FROM spec JOIN run ON run.id = spec.run
                WHERE spec.job = ? AND search = ? AND NOT open ORDER BY spec.position
                """, arguments: [row["job"] as Int64, row["search"] as Int]
        ).map { row in
            OpenSpec.Trial(
                point: try JSONDecoder().decode([Double].self, from: Data((row["point"] as String? ?? "[]").utf8)),
                overrides: row["overrides"], status: try row.word("status"),
                reached: Reached(best: row["cost"], latest: row["latest_cost"]))
        }
        let open = OpenSpec(
            search: row["definition"], experiment: row["experiment"], config: row["config"], target: row["target"],
            number: row["number"], trials: trials)
        let chosen = try choose(open)
        try db.execute(
            sql: "UPDATE spec SET config = ?, overrides = ?, point = ?, open = 0 WHERE run = ?",
            arguments: [
                chosen.config, chosen.overrides,
                String(decoding: try JSONEncoder().encode(chosen.point), as: UTF8.self), run,
            ])
        try db.execute(sql: "UPDATE run SET steps = ? WHERE id = ?", arguments: [chosen.steps, run])
    }

    /// Records the value of a run's metric at a band of its search, and decides once whether that stops the run.
    ///
    /// - Parameters:
    ///   - claim: The attempt.
    ///   - band: After how many values of the metric.
    ///   - value: The value there, low ones being better.
    ///   - judged: What of the run is compared with the threshold.
    ///   - threshold: What the run must not exceed, given the values of all runs of the search at the band.
    /// - Returns: What the run has exceeded, if it is to stop. An attempt that gets there again gets the same answer.
    /// - Throws: ``StoreError/lostLease(_:)`` and whatever keeps the file from being changed.
    public func reach(
        _ claim: Claim, band: Int, value: Double, judged: Double, threshold: ([Double]) -> Double?
    ) throws(StoreError) -> Double? {
        try write(.untilPowerCut) { db in
            try Self.checkFence(of: claim, in: db)
            if let row = try Row.fetchOne(
                db, sql: "SELECT threshold, stops FROM milestone WHERE run = ? AND band = ?",
                arguments: [claim.run.rawValue, band])
            {
                return row["stops"] ? row["threshold"] : nil
            }
            let others = try Double.fetchAll(
                db,
                sql: """
                    SELECT value FROM milestone JOIN spec ON spec.run = milestone.run
                    JOIN spec AS own ON own.job = spec.job AND own.search = spec.search
                    WHERE own.run = ? AND band = ?
                    """, arguments: [claim.run.rawValue, band])
            let limit = threshold(others + [value])
            let stops = limit.map { judged > $0 } ?? false
            try db.execute(
                sql: "INSERT INTO milestone (run, band, value, threshold, stops) VALUES (?, ?, ?, ?, ?)",
                arguments: [claim.run.rawValue, band, value, limit, stops])
            return stops ? limit : nil
        }
    }

    /// Records what a run has reached so far, if that is known.
    ///
    /// Where it has reached its search's target, the search's runs that have not begun never will; those that have begun
    /// continue. What is added to the search afterwards waits as usual, until another run gets there.
    static func note(_ reached: Reached?, of claim: Claim, at now: Timestamp, in db: Database) throws {
        guard let reached else { return }
        try change(claim, in: db, "cost = ?, latest_cost = ?", [reached.best, reached.latest])
        guard let reason = reached.ending, let value = reached.best else { return }
        try db.execute(
            sql: "INSERT INTO milestone (run, band, value, stops) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING",
            arguments: [claim.run.rawValue, Self.targetBand, value])
        guard db.changesCount > 0 else { return }
        try db.execute(
            sql: """
                UPDATE run SET status = 'stopped', error = ?, ended = ?
                WHERE status = 'pending' AND attempt = 0 AND id IN (
                  SELECT spec.run FROM spec JOIN spec AS own ON own.job = spec.job AND own.search = spec.search
                  WHERE own.run = ?)
                """, arguments: [reason, now.rawValue, claim.run.rawValue])
    }

    /// The band of a milestone that is no comparison: the run has reached its search's target.
    private static let targetBand = 0

    func spec(of run: String, in db: Database) throws -> Spec? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT \(Spec.columns), definition FROM spec
                    LEFT JOIN search ON search.job = spec.job AND search.number = spec.search WHERE run = ?
                    """), arguments: [run]
        ).map { try Spec(row: $0, in: cache) }
    }
}

/// The numbers of a job's searches: specs with the same experiment and definition belong to one, whenever they came.
struct SearchNumbers {
    private struct Key: Hashable {
        let experiment, definition: String
    }

    private let job: JobID
    private var numbers: [Key: Int] = [:]

    init(of job: JobID, in db: Database) throws {
        self.job = job
        let rows = try Row.fetchAll(db, sql: "SELECT * FROM search WHERE job = ?", arguments: [job.rawValue])
        for row in rows { numbers[Key(experiment: row["experiment"], definition: row["definition"])] = row["number"] }
    }

    /// The number of a spec's search, which is stored if it is new; nil for a spec of none.
    mutating func number(of spec: NewSpec, in db: Database) throws -> Int? {
        guard let definition = spec.search else { return nil }
        let key = Key(experiment: spec.experiment, definition: definition)
        if let known = numbers[key] { return known }
        let number = numbers.count + 1
        numbers[key] = number
        try db.execute(
            sql: "INSERT INTO search (job, number, experiment, definition) VALUES (?, ?, ?, ?)",
            arguments: [job.rawValue, number, spec.experiment, definition])
        return number
    }
}
