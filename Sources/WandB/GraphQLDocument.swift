/// A GraphQL operation as W&B's own client sends it.
struct GraphQLDocument: Sendable {
    let operationName: String
    let text: String

    /// The key's account.
    static let viewer = GraphQLDocument(
        operationName: "Viewer",
        text: """
            query Viewer {
              viewer { id entity username email flags teams { edges { node { name } } } }
            }
            """)

    /// What the server has of a run.
    static let runResumeStatus = GraphQLDocument(
        operationName: "RunResumeStatus",
        text: """
            query RunResumeStatus($project: String, $entity: String, $name: String!) {
              model(name: $project, entityName: $entity) {
                id name entity { id name }
                bucket(name: $name, missingOk: true) {
                  id name state summaryMetrics displayName logLineCount historyLineCount eventsLineCount
                  historyTail eventsTail config tags notes wandbConfig(keys: ["t"])
                }
              }
            }
            """)

    /// Creates a run and its project, or updates them.
    static let upsertBucket = GraphQLDocument(
        operationName: "UpsertBucket",
        text: """
            mutation UpsertBucket(
              $id: String, $name: String, $project: String, $entity: String, $groupName: String,
              $description: String, $displayName: String, $notes: String, $commit: String, $config: JSONString,
              $host: String, $debug: Boolean, $program: String, $repo: String, $jobType: String, $state: String,
              $sweep: String, $tags: [String!], $summaryMetrics: JSONString
            ) {
              upsertBucket(input: {
                id: $id, name: $name, groupName: $groupName, modelName: $project, entityName: $entity,
                description: $description, displayName: $displayName, notes: $notes, config: $config,
                commit: $commit, host: $host, debug: $debug, jobProgram: $program, jobRepo: $repo,
                jobType: $jobType, state: $state, sweep: $sweep, tags: $tags, summaryMetrics: $summaryMetrics
              }) {
                bucket {
                  id name displayName description config sweepName
                  project { id name entity { id name } }
                  historyLineCount
                }
                inserted
              }
            }
            """)

    /// Asks where files may be uploaded to.
    static let createRunFiles = GraphQLDocument(
        operationName: "CreateRunFiles",
        text: """
            mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
              createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
                runID uploadHeaders files { name uploadUrl }
              }
            }
            """)
}

extension RunDescription {
    /// UpsertBucket's variables; null leaves what the server has.
    func upsertVariables(entity: String, storageID: String?) -> [JSONValue.Member] {
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        return [
            .init("id", text(storageID)), .init("name", .string(id)), .init("project", .string(project)),
            .init("entity", .string(entity)), .init("groupName", text(group)), .init("description", .null),
            .init("displayName", text(displayName)), .init("notes", text(notes)),
            .init("commit", text(commit)),
            .init("config", .string(wrappedConfig)), .init("host", text(host)), .init("debug", .null),
            .init("program", text(program)), .init("repo", .null), .init("jobType", text(jobType)),
            .init("state", .null), .init("sweep", .null),
            .init("tags", tags.isEmpty ? .null : .array(tags.map { .string($0) })),
            .init("summaryMetrics", .null),
        ]
    }

    /// The config as W&B stores it: each key's value under `value`, and `_wandb` beside them.
    var wrappedConfig: String {
        var members: [JSONValue.Member] = []
        if case .object(let config) = try? JSONValue(parsing: config) {
            for member in config where member.name != "_wandb" {
                members.append(.init(member.name, .object([.init("value", member.value)])))
            }
        }
        members.append(.init("_wandb", .object([.init("value", telemetry)])))
        return JSONValue.object(members).text
    }

    /// `_wandb`: without its `t` W&B's clients would take the run for one that never started.
    private var telemetry: JSONValue {
        var environment: [JSONValue.Member] = [.init("os", .string("Linux"))]
        if let host { environment.append(.init("host", .string(host))) }
        if let program { environment.append(.init("program", .string(program))) }
        return .object([
            .init("t", .object([.init("13", .string(Self.platform))])),
            .init("e", .object([.init(id, .object(environment))])),
            .init(
                "m",
                .array([
                    .object([.init("1", .string("_step")), .init("6", .array([])), .init("7", .array([]))])
                ])),
        ])
    }

    private static var platform: String {
        #if arch(x86_64)
            "linux-x86_64"
        #else
            "linux-aarch64"
        #endif
    }
}
