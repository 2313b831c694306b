import Foundation
import Jobs
package import Store

/// A job's runs with what is told of each.
package struct RunTable {
    private let runs: [Run]
    private let nodes: [AgentID: String]
    /// How long agents have worked on each run that is settled, in seconds; waiting between attempts does not count.
    private let active: [RunID: Double]
    private let costs: [RunID: JobCost.Item]
    /// Of each run, the settings that are told.
    private let settings: [[String: FlatConfig.Value]]
    private let settingNames: [String]
    private let metricNames: [String]

    /// Reads a job.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - store: Where it is.
    ///   - allConfig: Whether all settings are told, not only those that vary within the job.
    ///   - metrics: The metrics that are told; all where none is named.
    ///   - query: Which runs, in which order; the settings that vary are those that vary among them.
    /// - Throws: What keeps the state file from being read; ``Failure`` for a metric that no run has, and for a query
    ///   that names what is not there.
    package init(
        _ job: JobID, in store: Store, allConfig: Bool, metrics: [String] = [], query: RunQuery? = nil
    ) throws {
        let snapshot = try store.snapshot(of: job)
        let chosen = try query.flatMap { $0.isNone ? nil : try RunSelection($0, of: snapshot, in: store) }
        runs = chosen?.runs ?? snapshot.runs
        nodes = Dictionary(
            snapshot.agents.compactMap { agent in agent.host.map { (agent.id, $0) } }, uniquingKeysWith: { $1 })
        let attempts = try store.attempts(of: job)
        active = Self.activeSeconds(attempts)
        costs = JobCost(snapshot, attempts).runs
        let specs = Dictionary(try store.specs(of: job).map { ($0.run, $0.config) }) { $1 }
        let configs = try runs.map { try FlatConfig(specs[$0.id] ?? "{}").values }
        settingNames = Set(configs.flatMap(\.keys)).filter { name in
            allConfig || configs.contains { $0[name]?.json != configs[0][name]?.json }
        }.sorted()
        settings = configs.map { [settingNames] config in config.filter { settingNames.contains($0.key) } }
        metricNames = try MetricSelection(metrics).checked(of: snapshot.runs)
    }

    private static let names = [
        "run", "position", "experiment", "status", "attempts", "node", "started", "ended", "seconds", "active_seconds",
        "queue_seconds", "core_hours", "cpu_seconds", "peak_memory", "error", "folder",
    ]

    /// One line per run below the columns' names; times are ISO 8601, what is missing is empty.
    package func csv() -> String {
        let lines = zip(runs, settings).map { run, settings -> [String] in
            let settingCells = settingNames.map { settings[$0]?.text ?? "" }
            let metricCells = metricNames.map { name in run.metrics[name].map { "\($0)" } ?? "" }
            return cells(of: run) + settingCells + metricCells
        }
        return ([Self.names + settingNames + metricNames] + lines)
            .map { $0.map(Self.quoted).joined(separator: ",") + "\r\n" }.joined()
    }

    /// What stands below ``names``.
    private func cells(of run: Run) -> [String] {
        let times = [seconds(of: run), activeSeconds(of: run)].map { time in
            time.map { String(format: "%.3f", $0) } ?? ""
        }
        return [
            run.id.rawValue, String(run.position), run.experiment, run.status.rawValue, String(run.attempt),
            node(of: run) ?? "", Self.date(run.started), Self.date(run.ended), times[0], times[1],
        ]
            + cost(of: run) + [
                run.error ?? "",
                run.folder.path,
            ]
    }

    private func cost(of run: Run) -> [String] {
        let item = costs[run.id]
        func text(_ number: Double?, _ format: String) -> String { number.map { String(format: format, $0) } ?? "" }
        return [
            text(item?.queueSeconds, "%.3f"), text(item?.coreHours, "%.6f"), text(item?.cpuSeconds, "%.3f"),
            item?.peakMemory.map(String.init) ?? "",
        ]
    }

    /// One JSON object per run; times are unix seconds.
    package func jsonLines() throws -> String {
        try zip(runs, settings).map { run, settings in
            var row: [String: Any] = [
                "run": run.id.rawValue, "job": run.job.rawValue, "position": run.position,
                "experiment": run.experiment, "status": run.status.rawValue, "attempts": run.attempt,
                "folder": run.folder.path, "config": settings.mapValues(\.value),
                "metrics": run.metrics.filter { metricNames.contains($0.key) }
                    .mapValues { $0.isFinite ? $0 as Any : "\($0)" },
            ]
            row["node"] = node(of: run)
            row["started"] = run.started?.rawValue
            row["ended"] = run.ended?.rawValue
            row["seconds"] = seconds(of: run)
            row["active_seconds"] = activeSeconds(of: run)
            row["error"] = run.error
            row["queue_seconds"] = costs[run.id]?.queueSeconds
            row["core_hours"] = costs[run.id]?.coreHours
            row["cpu_seconds"] = costs[run.id]?.cpuSeconds
            row["peak_memory"] = costs[run.id]?.peakMemory
            let data = try JSONSerialization.data(
                withJSONObject: row, options: [.sortedKeys, .withoutEscapingSlashes])
            return String(decoding: data, as: UTF8.self) + "\n"
        }.joined()
    }

    /// How long agents have worked on each run, in seconds, as far as attempts are over.
    static func activeSeconds(_ attempts: [Attempt]) -> [RunID: Double] {
        attempts.reduce(into: [:]) { sums, attempt in
            guard let ended = attempt.ended else { return }
            sums[attempt.run, default: 0] += (ended - attempt.started) / .seconds(1)
        }
    }

    private func node(of run: Run) -> String? { run.agent.flatMap { nodes[$0] } }

    private func seconds(of run: Run) -> Double? {
        guard let started = run.started, let ended = run.ended else { return nil }
        return (ended - started) / .seconds(1)
    }

    private func activeSeconds(of run: Run) -> Double? { run.ended == nil ? nil : active[run.id] }

    private static func date(_ time: Timestamp?) -> String {
        time.map { Date(timeIntervalSince1970: $0.rawValue.rounded(.down)).ISO8601Format() } ?? ""
    }

    /// A field as RFC 4180 has it.
    static func quoted(_ field: String) -> String {
        guard field.utf8.contains(where: { ",\"\r\n".utf8.contains($0) }) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}

/// A config's keys, nested ones joined by dots.
package struct FlatConfig {
    package struct Value {
        package let value: Any
        /// The value as JSON.
        package let json: String

        /// The value as a table has it: text without quotes, nothing for `null`.
        package var text: String {
            switch value {
            case let string as String: string
            case is NSNull: ""
            default: json
            }
        }
    }

    package private(set) var values: [String: Value] = [:]

    package init(_ json: String) throws {
        try add(JSONSerialization.jsonObject(with: Data(json.utf8)), at: "")
    }

    private mutating func add(_ value: Any, at path: String) throws {
        if let map = value as? [String: Any] {
            for (key, value) in map { try add(value, at: path.isEmpty ? key : path + "." + key) }
        } else {
            let data = try JSONSerialization.data(
                withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes])
            values[path] = Value(value: value, json: String(decoding: data, as: UTF8.self))
        }
    }
}
