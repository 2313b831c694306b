import JSON
import Jobs
import Metrics
package import Queries
package import Store

/// What is known about a job's runs, as columns that conditions and tables name: state, settings, metrics.
///
/// If names clash, a run's state comes before its settings and those before metrics; `config.NAME` and
/// `metric.NAME` name the others.
package enum RunColumns {
    /// A run's state.
    static let ofRun: [QueryTable.Column] = [
        .init("run"), .init("job"), .init("position"), .init("experiment"),
        .init("state", aliases: ["status"], words: RunStatus.allCases.map(\.rawValue)),
        .init("attempts", aliases: ["attempt"]), .init("node"), .init("step"), .init("steps"), .init("started"),
        .init("ended"), .init("seconds"), .init("active_seconds"), .init("error"), .init("folder"),
        .init("queue_seconds"), .init("core_hours"), .init("cpu_seconds"), .init("cpu_efficiency"),
        .init("peak_memory"),
        .init("held"), .init("priority"), .init("note"), .init("tags"),
    ]

    /// The columns whose numbers are unix seconds.
    static let times: Set<String> = ["started", "ended"]

    /// The columns that come from attempts.
    private static let ofAttempts: Set<String> = [
        "active_seconds", "queue_seconds", "core_hours", "cpu_seconds", "cpu_efficiency", "peak_memory",
    ]

    /// The table of a job's runs, in the order of the snapshot's: the columns that a query names, or all where it groups,
    /// since groups show whatever varies.
    ///
    /// - Throws: ``Failure`` for a column that does not exist; what keeps the state file from being read.
    package static func table(_ snapshot: JobSnapshot, in store: Store, for query: RunQuery) throws -> QueryTable {
        let settings = try store.exampleConfigs(of: snapshot.job.id).reduce(into: Set<String>()) { names, config in
            names.formUnion(try FlatConfig(config).settings.map(\.name))
        }.sorted()
        // What runs of the kind may log is known before any has: a condition on it holds for none of them yet.
        var logged = Set<String>()
        for run in snapshot.runs {
            for name in run.metrics.names { logged.insert(name) }
            for name in run.progress.losses.names { logged.insert(name) }
        }
        let expected = Metric.all.map(\.name).filter { !$0.contains("<") }
        let metrics = logged.sorted() + Set(expected).subtracting(logged).sorted()
        let all = QueryTable(
            ofRun + settings.map { .init($0, aliases: ["config." + $0]) }
                + metrics.map { .init($0, aliases: ["metric." + $0]) }, rows: [])
        let wanted = query.grouping == nil ? try query.names(in: all).sorted() : Array(all.columns.indices)
        let (facts, rest) = (wanted.filter { $0 < ofRun.count }, wanted.filter { $0 >= ofRun.count })
        let wantedSettings = rest.filter { $0 < ofRun.count + settings.count }.map { all.columns[$0].name }
        let wantedMetrics = rest.filter { $0 >= ofRun.count + settings.count }.map { all.columns[$0].name }

        let nodes = Dictionary(
            snapshot.agents.compactMap { agent in agent.host.map { (agent.id, $0) } }, uniquingKeysWith: { $1 })
        let isOfAttempts = facts.contains { ofAttempts.contains(ofRun[$0].name) }
        let attempts = isOfAttempts ? try store.attempts(of: snapshot.job.id) : []
        let active = RunTable.activeSeconds(attempts)
        let costs = isOfAttempts ? JobCost(snapshot, attempts).runs : [:]
        let configs = try store.configValues(of: snapshot.job.id, wantedSettings)
        return QueryTable(
            wanted.map { all.columns[$0] },
            rows: try snapshot.runs.map { run in
                var row: [Value] = []
                if !facts.isEmpty {
                    let all = Self.facts(
                        run, node: run.agent.flatMap { nodes[$0] }, active: active[run.id], costs[run.id])
                    row += facts.map { all[$0] }
                }
                row += try configs[run.id]?.map(value) ?? wantedSettings.map { _ in .missing }
                row += wantedMetrics.map { (run.metrics[$0] ?? run.progress.losses[$0]).map(Value.number) ?? .missing }
                return row
            })
    }

    /// The values of the columns ``ofRun``.
    private static func facts(
        _ run: Run, node: String?, active: Double?, _ cost: JobCost.Item?
    ) -> [Value] {
        func number(_ number: Double?) -> Value { number.map(Value.number) ?? .missing }
        func text(_ text: String?) -> Value { text.map(Value.text) ?? .missing }
        let seconds = run.ended.flatMap { ended in run.started.map { (ended - $0) / .seconds(1) } }
        return [
            .text(run.id.rawValue), .number(Double(run.job.rawValue)), .number(Double(run.position)),
            .text(run.experiment), .text(run.status.rawValue), .number(Double(run.attempt)), text(node),
            .number(Double(run.progress.step)), .number(Double(run.progress.steps)), number(run.started?.rawValue),
            number(run.ended?.rawValue), number(seconds), number(run.ended == nil ? nil : active), text(run.error),
            .text(run.folder.path), number(cost?.queueSeconds), number(cost?.coreHours), number(cost?.cpuSeconds),
            number(cost?.cpuEfficiency), number(cost?.peakMemory.map(Double.init)), .bool(run.isHeld),
            .number(Double(run.priority)), text(run.note),
            text(run.tags.isEmpty ? nil : run.tags.joined(separator: " ")),
        ]
    }

    /// A setting's value to compare, from its JSON text.
    private static func value(_ text: String?) throws -> Value {
        guard let text else { return .missing }
        return switch try JSONValue(parsing: text) {
        case .string(let text): .text(text)
        case .bool(let bool): .bool(bool)
        case .number(let literal): Double(literal).map(Value.number) ?? .text(literal)
        case .array(let items): .text(JSONValue.array(items).text)
        // Its members are settings of their own.
        case .null, .object: .missing
        }
    }
}

extension RunQuery {
    /// The columns that anything in this names.
    fileprivate func names(in table: QueryTable) throws(Failure) -> Set<Int> {
        var found: Set<Int> = []
        if let condition {
            found.formUnion(
                try Self.told(of: "--where") { () throws(QueryError) in try table.columns(of: condition) })
        }
        for (option, list) in [("--sort", order), ("--columns", columns)] {
            guard let list else { continue }
            found.formUnion(try Self.told(of: option) { () throws(QueryError) in try table.columns(of: list) })
        }
        return found
    }
}
