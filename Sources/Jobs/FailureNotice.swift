import Artifacts
import Foundation
import JSON
public import Store

/// Reports a job's failures to its user's command, as JSON on standard input.
public struct FailureNotice: Sendable {
    /// The command runs at most this often, and at most this long; failures in between are reported together.
    public static let pause = Duration.seconds(60)

    private let store: Store
    private let job: Job
    private let environment: [String: String]

    /// Prepares notices of `job`; `environment` is what the command gets to see.
    public init(store: Store, job: Job, environment: [String: String]) {
        (self.store, self.job, self.environment) = (store, job, environment)
    }

    private struct Notice: Encodable {
        struct Item: Encodable {
            let run: String
            let experiment: String
            let error: String?
            let attempts: Int
            let node: String?
            let folder: String
            let log: String
            let overrides: [String: String]
        }
        let job: Int64
        let name: String
        let failures: [Item]
        let failedRuns: Int
        let runs: Int
        /// Why the job hands out no more specs, if it doesn't.
        let halted: String?
    }

    /// Reports all new failures to the command, unless it got some recently.
    ///
    /// - Parameter shouldStop: Whether the agent is to end: then the command has a few seconds left.
    /// - Returns: What became of the command; nil if there was nothing to report.
    /// - Throws: `StoreError`.
    public func send(shouldStop: @escaping () -> Bool) throws -> [String] {
        guard let command = job.options.onFailure else { return [] }
        let runs = try store.takeUntoldFailures(of: job.id, pause: Self.pause)
        guard !runs.isEmpty else { return [] }
        let snapshot = try store.snapshot(of: job.id, runsAtMost: 1)
        var hosts: [AgentID: String] = [:]
        for agent in snapshot.agents { hosts[agent.id] = agent.host }
        let notice = Notice(
            job: job.id.rawValue, name: job.token,
            failures: try runs.map { run in
                let pairs = try JSONDecoder().decode([[String]].self, from: Data(run.overrides.utf8))
                return Notice.Item(
                    run: run.id.rawValue, experiment: run.experiment, error: run.error, attempts: run.attempt,
                    node: run.agent.flatMap { hosts[$0] }, folder: run.folder.path, log: run.folder.log,
                    overrides: Dictionary(pairs.compactMap { $0.count == 2 ? ($0[0], $0[1]) : nil }) { $1 })
            },
            failedRuns: snapshot.failures.count, runs: snapshot.counts.total, halted: snapshot.job.halted)
        let text = try JSONText.encode(notice)
        let user = UserCommand(option: "--on-failure", text: command, log: job.folder.failureLog)
        return [
            user.run(
                for: job, environment: environment, input: Array(text.utf8), doesAppend: true,
                limit: .init(Self.pause, shouldStop: shouldStop))
        ]
    }
}
