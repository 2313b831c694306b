import JSON
import Jobs
import Metrics
package import Queries
package import Store

/// What is known of a job's runs, as columns that conditions and tables name: how each stands, its settings, its metrics.
///
/// Where names clash, how a run stands comes before its settings and those before metrics; `config.NAME` and
/// `metric.NAME` name the others.
package enum RunColumns {
    /// How a run stands.
    static let ofRun: [Table.Column] = [
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

    /// The table of a job's runs, in the order of the snapshot's.
    ///
    /// - Throws: What keeps the state file from being read.
    package static func table(_ snapshot: JobSnapshot, in store: Store) throws -> Table {
        let configs = Dictionary(
            try store.specs(of: snapshot.job.id).map { ($0.run, try values($0.config)) }
        ) { $1 }
        let nodes = Dictionary(
            snapshot.agents.compactMap { agent in agent.host.map { (agent.id, $0) } }, uniquingKeysWith: { $1 })
        let attempts = try store.attempts(of: snapshot.job.id)
        let active = RunTable.activeSeconds(attempts)
        let costs = JobCost(snapshot, attempts).runs
        let settings = Set(configs.values.flatMap(\.keys)).sorted()
        // What runs of the kind may log is known before any has: a condition on it holds for none of them yet.
        let logged = Set(snapshot.runs.flatMap { $0.metrics.keys } + snapshot.runs.flatMap { $0.progress.losses.keys })
        let expected = Metric.all.map(\.name).filter { !$0.contains("<") }
        let metrics = logged.sorted() + Set(expected).subtracting(logged).sorted()
        let columns =
            ofRun + settings.map { .init($0, aliases: ["config." + $0]) }
            + metrics.map { .init($0, aliases: ["metric." + $0]) }
        return Table(
            columns,
            rows: snapshot.runs.map { run in
                let config = configs[run.id] ?? [:]
                return facts(run, node: run.agent.flatMap { nodes[$0] }, active: active[run.id], costs[run.id])
                    + settings.map { config[$0] ?? .missing }
                    + metrics.map { (run.metrics[$0] ?? run.progress.losses[$0]).map(Value.number) ?? .missing }
            })
    }

    /// What stands below ``ofRun``.
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

    /// A config's settings with values to compare.
    private static func values(_ config: String) throws -> [String: Value] {
        let values = try FlatConfig(config).settings.map { setting -> (String, Value) in
            let value: Value =
                switch setting.value {
                case .string(let text): .text(text)
                case .bool(let bool): .bool(bool)
                case .number(let literal): Double(literal).map(Value.number) ?? .text(literal)
                case .array, .object: .text(setting.value.text)
                case .null: .missing
                }
            return (setting.name, value)
        }
        return Dictionary(values) { $1 }
    }
}
