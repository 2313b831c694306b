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

    /// What the server has from a run.
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
