import JSON

// A run as UpsertBucket takes it.
extension SpooledRun {
    /// The variables; null leaves what the server has.
    func upsertVariables(project: String, entity: String, storageID: String?) -> [JSONValue.Member] {
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        let run = description
        return [
            .init("id", text(storageID)), .init("name", .string(run.id)), .init("project", .string(project)),
            .init("entity", .string(entity)), .init("groupName", text(run.group)), .init("description", .null),
            .init("displayName", text(run.displayName)), .init("notes", text(run.notes)),
            .init("commit", text(run.commit)), .init("config", .string(wrappedConfig.text)),
            .init("host", text(run.host)), .init("debug", .null), .init("program", text(run.program)),
            .init("repo", text(run.repository)), .init("jobType", text(run.jobType)), .init("state", .null),
            .init("sweep", .null),
            .init("tags", run.tags.isEmpty ? .null : .array(run.tags.map { .string($0) })),
            .init("summaryMetrics", .null),
        ]
    }

    /// The config as W&B stores it: each key's value under `value`, and `_wandb` next to them.
    var wrappedConfig: JSONValue {
        var members: [JSONValue.Member] = []
        if case .object(let config) = try? JSONValue(parsing: description.config) {
            for member in config where member.name != "_wandb" {
                members.append(.init(member.name, .object([.init("value", member.value)])))
            }
        }
        members.append(.init("_wandb", .object([.init("value", telemetry)])))
        return .object(members)
    }

    /// `_wandb`: without its `t` W&B's clients would take the run for one that never started.
    private var telemetry: JSONValue {
        let version = JSONValue.string(RunEnvironment.protocolVersion)
        let environment = environment.flatMap { try? JSONValue(parsing: $0) } ?? .object([])
        return .object([
            .init("cli_version", version),
            // By the numbers of W&B's telemetry fields: client, core, platform.
            .init(
                "t",
                .object([
                    .init("5", version), .init("12", version), .init("13", .string(RunEnvironment.platform)),
                ])),
            .init("e", .object([.init(description.id, environment)])),
            .init("m", .array(metricDefinitions)),
        ])
    }

    /// What `define_metric` would say, the step being everything's x axis: 1 the name, 5 the number of the one that is the
    /// x axis, 6 options (1 in step with it, 3 defined on purpose), 7 summaries.
    private var metricDefinitions: [JSONValue] {
        let step = JSONValue.object([.init("1", .string("_step")), .init("6", .array([])), .init("7", .array([]))])
        return [step]
            + (metrics ?? []).map { name in
                .object([
                    .init("1", .string(name)), .init("5", .number(1)),
                    .init("6", .array([.number(1), .number(3)])), .init("7", .array([])),
                ])
            }
    }
}
