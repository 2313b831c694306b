import Foundation
import JSON
import Jobs
import Metrics
package import Store

/// A job's runs, each with the values a table shows.
///
/// They are read while the table is written, some hundreds at a time, so a job's runs need not fit into memory.
package struct RunTable {
    private let store: Store
    private let outline: RunsOutline
    /// The runs' places in the job, in the table's order.
    private let positions: AnyRandomAccessCollection<Int>
    private let nodes: [AgentID: String]
    private let settings: RunSettings
    private let settingNames: [String]
    private let metricNames: [String]

    /// Reads what the columns are.
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
        self.store = store
        outline = try store.outline(of: job)
        nodes = Dictionary(
            outline.agents.compactMap { agent in agent.host.map { (agent.id, $0) } }, uniquingKeysWith: { $1 })
        var chosen: Set<RunID>?
        if let query, !query.isNone {
            let runs = try RunSelection(query, of: store.snapshot(of: job), in: store).runs
            positions = AnyRandomAccessCollection(runs.map(\.position))
            chosen = Set(runs.map(\.id))
        } else {
            positions = AnyRandomAccessCollection(outline.positions)
        }
        var settings = RunSettings()
        try store.forEachConfig(of: job) { run, config in
            if chosen?.contains(run) ?? true { _ = try settings.read(config) }
        }
        self.settings = settings
        settingNames = allConfig ? settings.names : settings.varying
        metricNames = try MetricSelection(metrics).checked(among: outline.metrics)
    }

    private static let names = [
        "run", "position", "experiment", "status", "attempts", "node", "started", "ended", "seconds", "active_seconds",
        "queue_seconds", "core_hours", "cpu_seconds", "peak_memory", "error", "folder",
    ]

    /// One line per run below the columns' names; times are ISO 8601, what is missing is empty.
    ///
    /// - Parameter print: Takes the lines, many at a time.
    /// - Throws: What keeps the state file from being read.
    package func csv(_ print: (String) -> Void) throws {
        print((Self.names + settingNames + metricNames).map(Self.quoted).joined(separator: ",") + "\r\n")
        var metrics = MetricPlaces(metricNames)
        try inBatches(print) { record, settings, differences, text in
            append(record, to: &text)
            for name in settingNames {
                text += ","
                if let value = settings.value(of: name, differences) { text += Self.quoted(FlatConfig.text(value)) }
            }
            let numbers = record.run.metrics
            for place in metrics.places(in: numbers.names) {
                text += ","
                if let place { text += "\(numbers.values[place])" }
            }
            text += "\r\n"
        }
    }

    /// Prints a line for each run, some hundreds at a time: few calls, and never all runs in memory.
    ///
    /// - Parameters:
    ///   - print: Takes the lines.
    ///   - append: Appends a run's line to a text, given how its settings differ from the first run's.
    /// - Throws: What keeps the state file from being read.
    private func inBatches(
        _ print: (String) -> Void,
        _ append: (RunRecord, RunSettings, RunSettings.Differences, inout String) throws -> Void
    ) throws {
        var settings = settings
        var rest = positions[...]
        while !rest.isEmpty {
            var text = ""
            for record in try store.records(of: outline.job.id, at: Array(rest.prefix(Self.batch))) {
                let differences = try settings.read(record.config)
                try append(record, settings, differences, &text)
            }
            print(text)
            rest = rest.dropFirst(Self.batch)
        }
    }

    private static let batch = 500

    /// Appends the values of the columns ``names``.
    private func append(_ record: RunRecord, to text: inout String) {
        let run = record.run
        let cost = cost(of: record)
        func add(_ value: String?) {
            text += ","
            if let value { text += Self.quoted(value) }
        }
        func add(_ number: Double?, decimals: Int = 3) { add(number.map { Metric.text($0, decimals: decimals) }) }
        text += Self.quoted(run.id.rawValue)
        add(String(run.position))
        add(run.experiment)
        add(run.status.rawValue)
        add(String(run.attempt))
        add(node(of: run))
        add(run.started.map(Self.date))
        add(run.ended.map(Self.date))
        add(seconds(of: run))
        add(activeSeconds(of: record))
        add(cost?.queueSeconds)
        add(cost?.coreHours, decimals: 6)
        add(cost?.cpuSeconds)
        add(cost?.peakMemory.map(String.init))
        add(run.error)
        add(run.folder.path)
    }

    /// One JSON object per run; times are unix seconds.
    ///
    /// - Parameter print: Takes the lines, many at a time.
    /// - Throws: What keeps the state file from being read.
    package func jsonLines(_ print: (String) -> Void) throws {
        var metrics = MetricPlaces(metricNames.sorted())
        try inBatches(print) { record, settings, differences, text in
            let run = record.run
            let config = settingNames.compactMap { name in
                settings.value(of: name, differences).map { JSONValue.Member(name, $0) }
            }
            let places = metrics.places(in: run.metrics.names).compactMap(\.self)
            let numbers = places.map { JSONValue.Member(run.metrics.names[$0], Self.number(run.metrics.values[$0])) }
            let cost = cost(of: record)
            // In the order of their names.
            let members: [(String, JSONValue?)] = [
                ("active_seconds", activeSeconds(of: record).map(Self.number)), ("attempts", .number(run.attempt)),
                ("config", .object(config)), ("core_hours", (cost?.coreHours).map(Self.number)),
                ("cpu_seconds", cost?.cpuSeconds.map(Self.number)),
                ("ended", run.ended.map { Self.number($0.rawValue) }), ("error", run.error.map { .string($0) }),
                ("experiment", .string(run.experiment)), ("folder", .string(run.folder.path)),
                ("job", .number(Int(run.job.rawValue))), ("metrics", .object(numbers)),
                ("node", node(of: run).map { .string($0) }), ("peak_memory", cost?.peakMemory.map { .number($0) }),
                ("position", .number(run.position)), ("queue_seconds", cost?.queueSeconds.map(Self.number)),
                ("run", .string(run.id.rawValue)), ("seconds", seconds(of: run).map(Self.number)),
                ("started", run.started.map { Self.number($0.rawValue) }), ("status", .string(run.status.rawValue)),
            ]
            JSONValue.object(members.compactMap { name, value in value.map { .init(name, $0) } }).write(to: &text)
            text += "\n"
        }
    }

    /// A number; what is not finite is a text.
    private static func number(_ value: Double) -> JSONValue {
        value.isFinite ? .shortest(value) : .string("\(value)")
    }

    /// How long agents have worked on each run, in seconds, as far as attempts are over; waiting between attempts does
    /// not count.
    static func activeSeconds(_ attempts: [Attempt]) -> [RunID: Double] {
        attempts.reduce(into: [:]) { sums, attempt in
            guard let ended = attempt.ended else { return }
            sums[attempt.run, default: 0] += (ended - attempt.started) / .seconds(1)
        }
    }

    private func cost(of record: RunRecord) -> JobCost.Item? {
        JobCost.cost(of: record.run, record.attempts, in: outline.job, at: outline.time)
    }

    private func node(of run: Run) -> String? { run.agent.flatMap { nodes[$0] } }

    private func seconds(of run: Run) -> Double? {
        guard let started = run.started, let ended = run.ended else { return nil }
        return (ended - started) / .seconds(1)
    }

    private func activeSeconds(of record: RunRecord) -> Double? {
        record.run.ended == nil ? nil : Self.activeSeconds(record.attempts)[record.run.id]
    }

    private static func date(_ time: Timestamp) -> String {
        Date(timeIntervalSince1970: time.rawValue.rounded(.down)).ISO8601Format()
    }

    /// A field as RFC 4180 has it.
    static func quoted(_ field: String) -> String {
        guard field.utf8.contains(where: { ",\"\r\n".utf8.contains($0) }) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}

/// Where runs have the metrics of a table's columns: nearly all have them where the run before has.
private struct MetricPlaces {
    private let columns: [String]
    private var last: (names: [String], places: [Int?]) = ([], [])

    init(_ columns: [String]) {
        self.columns = columns
        last.places = columns.map { _ in nil }
    }

    /// The places of the columns among a run's names.
    mutating func places(in names: [String]) -> [Int?] {
        if names != last.names { last = (names, columns.map { names.firstIndex(of: $0) }) }
        return last.places
    }
}
