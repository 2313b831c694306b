import Foundation
import JSON
import Jobs
package import Store

/// A job's runs, each with the values a table shows.
package struct RunTable {
    private let runs: [Run]
    private let nodes: [AgentID: String]
    /// How long agents have worked on each run that is settled, in seconds; waiting between attempts does not count.
    private let active: [RunID: Double]
    private let costs: [RunID: JobCost.Item]
    private let settings: RunSettings
    private let settingNames: [String]
    private let metricNames: [String]

    /// Reads a job.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - store: Where it is.
    ///   - allConfig: Whether to include all settings, not only those that vary within the job.
    ///   - metrics: The metrics to include; all if none is named.
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
        let places = Dictionary(uniqueKeysWithValues: runs.enumerated().map { ($1.id, $0) })
        var settings = RunSettings(count: runs.count)
        try store.forEachConfig(of: job) { run, config in
            if let place = places[run] { try settings.read(config, of: place) }
        }
        self.settings = settings
        settingNames = allConfig ? settings.names : settings.varying
        metricNames = try MetricSelection(metrics).checked(of: snapshot.runs)
    }

    private static let names = [
        "run", "position", "experiment", "status", "attempts", "node", "started", "ended", "seconds", "active_seconds",
        "queue_seconds", "core_hours", "cpu_seconds", "peak_memory", "error", "folder",
    ]

    /// One line per run below the columns' names; times are ISO 8601, what is missing is empty.
    ///
    /// - Parameter print: Takes the lines, many at a time.
    package func csv(_ print: (String) -> Void) {
        print((Self.names + settingNames + metricNames).map(Self.quoted).joined(separator: ",") + "\r\n")
        inBatches(print) { index in
            let run = runs[index]
            let settingCells = settingNames.map { settings[index, $0].map(FlatConfig.text) ?? "" }
            let metricCells = metricNames.map { name in run.metrics[name].map { "\($0)" } ?? "" }
            return (cells(of: run) + settingCells + metricCells).map(Self.quoted).joined(separator: ",") + "\r\n"
        }
    }

    /// Prints a line for each run, some hundreds at a time: few calls, and never all lines in memory.
    private func inBatches(_ print: (String) -> Void, _ line: (Int) -> String) {
        for start in stride(from: 0, to: runs.count, by: 500) {
            print((start..<min(start + 500, runs.count)).map(line).joined())
        }
    }

    /// The values of the columns ``names``.
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
    ///
    /// - Parameter print: Takes the lines, many at a time.
    package func jsonLines(_ print: (String) -> Void) {
        inBatches(print) { index in
            let run = runs[index]
            let config = settingNames.compactMap { name in settings[index, name].map { JSONValue.Member(name, $0) } }
            let metrics = run.metrics.filter { metricNames.contains($0.key) }.sorted { $0.key < $1.key }
            var row: [JSONValue.Member] = [
                .init("run", .string(run.id.rawValue)), .init("job", .number(Int(run.job.rawValue))),
                .init("position", .number(run.position)), .init("experiment", .string(run.experiment)),
                .init("status", .string(run.status.rawValue)), .init("attempts", .number(run.attempt)),
                .init("folder", .string(run.folder.path)), .init("config", .object(config)),
                .init("metrics", .object(metrics.map { .init($0.key, Self.number($0.value)) })),
            ]
            let cost = costs[run.id]
            let known: [(String, JSONValue?)] = [
                ("node", node(of: run).map { .string($0) }), ("error", run.error.map { .string($0) }),
                ("started", run.started.map { Self.number($0.rawValue) }),
                ("ended", run.ended.map { Self.number($0.rawValue) }), ("seconds", seconds(of: run).map(Self.number)),
                ("active_seconds", activeSeconds(of: run).map(Self.number)),
                ("queue_seconds", cost?.queueSeconds.map(Self.number)),
                ("core_hours", cost.map { Self.number($0.coreHours) }),
                ("cpu_seconds", cost?.cpuSeconds.map(Self.number)),
                ("peak_memory", cost?.peakMemory.map { .number($0) }),
            ]
            for case (let name, let value?) in known { row.append(.init(name, value)) }
            return JSONValue.object(row.sorted { $0.name < $1.name }).text + "\n"
        }
    }

    /// A number; what is not finite is a text.
    private static func number(_ value: Double) -> JSONValue {
        value.isFinite ? .shortest(value) : .string("\(value)")
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
