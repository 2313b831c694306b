import Foundation
import JSON
import Metrics
import Store

/// How a job ended, for programs: `summary.json`, and `runs.jsonl` with one line per run.
///
/// Keys are only ever added, times are unix seconds, durations seconds.
struct JobSummaryFile {
    private let snapshot: JobSnapshot
    private let attempts: [RunID: [Attempt]]
    private let cost: JobCost

    init(store: Store, job: JobID) throws(StoreError) {
        snapshot = try store.snapshot(of: job)
        let attempts = try store.attempts(of: job)
        self.attempts = Dictionary(grouping: attempts, by: \.run)
        cost = JobCost(snapshot, attempts)
    }

    private struct Summary: Encodable {
        let job: Int64
        let name: String
        let submitted: Double
        let ended: Double?
        let counts: [String: Int]
        let agents: Int
        let nodes: [String]
        let attempts: Int
        let runSeconds: Double
        let failures: [Failure]
        let best: Best?
        let cost: JobCost.Item
    }

    private struct Failure: Encodable {
        let run: String
        let error: String?
    }

    private struct Best: Encodable {
        let metric: String
        let run: String
        let value: Double
    }

    private struct Line: Encodable {
        let run: String
        let position: Int
        let experiment: String
        let overrides: [[String]]
        let status: String
        let attempts: Int
        let node: String?
        let started: Double?
        let ended: Double?
        let runSeconds: Double
        let metrics: [String: Double]
        let error: String?
        let folder: String
        let cost: JobCost.Item?
    }

    /// The summary.
    func text() throws -> String {
        let runs = snapshot.runs
        let metric = Metric.totalLoss.name
        let best = runs.filter { $0.status == .done }.compactMap { run in
            run.metrics[metric].flatMap { $0.isNaN ? nil : Best(metric: metric, run: run.id.rawValue, value: $0) }
        }.min { $0.value < $1.value }
        let summary = Summary(
            job: snapshot.job.id.rawValue, name: snapshot.job.token, submitted: snapshot.job.created.rawValue,
            ended: runs.compactMap(\.ended?.rawValue).max(),
            counts: Dictionary(uniqueKeysWithValues: RunStatus.allCases.map { ($0.rawValue, snapshot.counts[$0]) }),
            agents: snapshot.agents.count, nodes: Set(snapshot.agents.compactMap(\.host)).sorted(),
            attempts: attempts.values.reduce(0) { $0 + $1.count },
            runSeconds: runs.reduce(0) { $0 + seconds(of: $1) },
            failures: snapshot.failures.map { Failure(run: $0.run.rawValue, error: $0.error) }, best: best,
            cost: cost.job)
        return try JSONText.encode(summary)
    }

    /// A line per run.
    func lines() throws -> String {
        var hosts: [AgentID: String] = [:]
        for agent in snapshot.agents { hosts[agent.id] = agent.host }
        return try snapshot.runs.map { run in
            let overrides = try JSONDecoder().decode([[String]].self, from: Data(run.overrides.utf8))
            let line = Line(
                run: run.id.rawValue, position: run.position, experiment: run.experiment, overrides: overrides,
                status: run.status.rawValue, attempts: run.attempt, node: run.agent.flatMap { hosts[$0] },
                started: run.started?.rawValue, ended: run.ended?.rawValue, runSeconds: seconds(of: run),
                metrics: run.metrics.dictionary, error: run.error, folder: run.folder.path, cost: cost.runs[run.id])
            return try JSONText.line(line) + "\n"
        }.joined()
    }

    /// The time that agents have spent on a run.
    private func seconds(of run: Run) -> Double {
        (attempts[run.id] ?? []).reduce(0) { sum, attempt in
            sum + max(0, (attempt.ended.map { $0 - attempt.started } ?? .zero) / .seconds(1))
        }
    }
}
