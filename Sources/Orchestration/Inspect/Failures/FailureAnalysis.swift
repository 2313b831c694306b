import Foundation
import Jobs
import Slurm
package import Store

/// What a job's failures have in common.
package struct FailureAnalysis: Encodable {
    /// Failed runs with one cause.
    package struct Cause: Encodable {
        package let cause: String
        package let runs: [String]
    }

    /// A part of the job, and how it fares compared with the rest.
    package struct Share: Encodable {
        /// A node's name, or `lr=0.1`, or `lr>=0.004`.
        package let name: String
        package let failed: Int
        package let total: Int
        package let failedElsewhere: Int
        package let totalElsewhere: Int

        package var rate: Double { Double(failed) / Double(max(1, total)) }
        package var rateElsewhere: Double { Double(failedElsewhere) / Double(max(1, totalElsewhere)) }
        /// Whether it fails so much more often than the rest that this is no accident.
        package var isTelling: Bool {
            failed >= 3 && totalElsewhere > 0 && rate >= 0.5 && rate >= 3 * rateElsewhere
        }
    }

    package let job: Int64
    package let runs: Int
    package let failedRuns: Int
    package let causes: [Cause]
    /// Runs that their search has stopped early, by reason.
    package let stopped: [Cause]
    /// Runs that wait for an obstacle to pass, by obstacle.
    package let waiting: [Cause]
    /// Failed and lost attempts, by outcome, of runs that did not fail for good.
    package let mendedAttempts: Int
    /// Nodes with failed or lost attempts, the worst first.
    package let nodes: [Share]
    /// Settings with failed runs among those that vary, the worst first.
    package let settings: [Share]
    /// Nodes to leave out.
    package let exclude: [String]
    /// How agents ended badly according to SLURM, a line for each way.
    package let slurm: [String]
    /// Agents of this machine that ended without a goodbye, a line for each way.
    package let lost: [String]

    package init(
        _ snapshot: JobSnapshot, attempts: [Attempt], endings: [SlurmEnding] = [], hindrances: [RunFailure] = [],
        shortages: [String] = []
    ) throws(Failure) {
        slurm = endings.lines(spoken: snapshot.spoken)
        lost = Self.lost(of: snapshot)
        job = snapshot.job.id.rawValue
        runs = snapshot.runs.count
        let failed = snapshot.runs.filter { $0.status == .failed }
        failedRuns = failed.count
        causes = Self.causes(of: failed.map { ($0.id, $0.error) })
        stopped = Self.causes(of: snapshot.runs.filter { $0.status == .stopped }.map { ($0.id, $0.error) })
        waiting =
            shortages.map { Cause(cause: $0, runs: []) } + Self.causes(of: hindrances.map { ($0.run, $0.error) })
        let ended = attempts.filter { $0.outcome != nil && $0.outcome != .cancelled }
        let bad = ended.filter { $0.outcome == .failed || $0.outcome == .lost }
        let failedNames = Set(failed.map(\.id))
        mendedAttempts = bad.count { !failedNames.contains($0.run) }
        var hosts: [AgentID: String] = [:]
        for agent in snapshot.agents { hosts[agent.id] = agent.host }
        nodes = Self.shares(
            ended.compactMap { attempt in
                hosts[attempt.agent].map { ([$0], attempt.outcome == .failed || attempt.outcome == .lost) }
            })
        exclude = snapshot.job.executor == .slurm ? nodes.filter(\.isTelling).map(\.name) : []
        let all = snapshot.runs
        let begun = all.indices.filter { all[$0].attempt > 0 }
        let tried = try AllCores.map(begun.indices) { (range) throws(Failure) in
            try begun[range].map { (place) throws(Failure) in
                (values: try Overrides(json: all[place].overrides).values, isFailed: all[place].status == .failed)
            }
        }
        settings = Self.shares(Array(zip(SettingNames(tried).names, tried.map(\.isFailed)))).filter {
            $0.totalElsewhere > 0
        }
    }

    private static func lost(of snapshot: JobSnapshot) -> [String] {
        guard snapshot.job.executor == .local else { return [] }
        var names: [String: [String]] = [:]
        for agent in snapshot.agents {
            let verdict = AgentVerdict(agent, in: snapshot.job, queue: nil, at: snapshot.time)
            let reason = agent.isLost ? agent.reason : verdict.isGone ? verdict.reason : nil
            if let reason { names[reason, default: []].append("\(agent.job).\(agent.number)") }
        }
        return names.map { "\(plural($1.count, "agent")) (\($1.joined(separator: ", "))): \($0)" }.sorted()
    }

    private static func causes(of runs: [(RunID, String?)]) -> [Cause] {
        FailureCause.grouping(runs).map { cause in
            Cause(cause: cause.text, runs: cause.runs.map(\.rawValue))
        }
    }

    /// How often each name comes with a failure; names without any are left out.
    private static func shares(_ cases: [(names: [String], isFailed: Bool)]) -> [Share] {
        var counts: [String: (failed: Int, total: Int)] = [:]
        for (names, isFailed) in cases {
            for name in names {
                counts[name, default: (0, 0)].total += 1
                if isFailed { counts[name, default: (0, 0)].failed += 1 }
            }
        }
        let allFailed = cases.count(where: \.isFailed)
        return counts.filter { $0.value.failed > 0 }.map { name, count in
            Share(
                name: name, failed: count.failed, total: count.total,
                failedElsewhere: allFailed - count.failed,
                totalElsewhere: cases.count - count.total)
        }.sorted { ($0.rate, $0.failed, $1.name) > ($1.rate, $1.failed, $0.name) }
    }

    /// For people.
    package func text(_ style: TerminalStyle) -> String {
        guard failedRuns > 0 || mendedAttempts > 0 || !slurm.isEmpty || !lost.isEmpty else {
            let lines =
                ["Job \(job): nothing has failed"] + section("Waiting", waiting, style)
                + section("Stopped early", stopped, style)
            return lines.joined(separator: "\n") + "\n"
        }
        var lines = [style.paint("Job \(job): \(failedRuns) of \(plural(runs, "run")) failed", .bold)]
        if !slurm.isEmpty {
            lines += ["", style.paint("Agents that ended badly, according to SLURM", .bold)] + slurm.map { "  " + $0 }
        }
        if !lost.isEmpty {
            lines += ["", style.paint("Agents that ended without a word", .bold)] + lost.map { "  " + $0 }
        }
        if mendedAttempts > 0 {
            lines.append("\(plural(mendedAttempts, "attempt")) failed or were lost, and their runs continued")
        }
        lines += section("By cause", causes, style) + section("Waiting", waiting, style)
        if !nodes.isEmpty { lines += ["", style.paint("By node", .bold)] }
        let bad = nodes.map(\.failed).reduce(0, +)
        for node in nodes.prefix(10) {
            lines.append(
                "  \(bad == node.failed ? "all \(bad)" : "\(node.failed) of \(bad)") on \(node.name)"
                    + comparison(node, of: "attempt", style))
        }
        // A value that fails no more often than the rest is no clue, nor is one that a single run has.
        let telling = settings.filter { $0.failed > 1 && $0.rate > $0.rateElsewhere }.prefix(10)
        if !telling.isEmpty { lines += ["", style.paint("By setting", .bold)] }
        for setting in telling {
            lines.append(
                "  \(setting.failed == setting.total ? "all \(setting.total)" : "\(setting.failed) of \(setting.total)")"
                    + " with \(setting.name)" + comparison(setting, of: nil, style))
        }
        lines += section("Stopped early", stopped, style)
        if failedRuns > 0 {
            lines += [
                "",
                "Once the cause is fixed: orchestrator retry \(job) --failed, then orchestrator resume \(job)"
                    + excluding,
            ]
        } else if !exclude.isEmpty {
            lines += ["", "More agents elsewhere: orchestrator resume \(job)" + excluding]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func section(_ title: String, _ causes: [Cause], _ style: TerminalStyle) -> [String] {
        guard !causes.isEmpty else { return [] }
        return ["", style.paint(title, .bold)]
            + causes.map { cause in
                guard !cause.runs.isEmpty else { return "  " + cause.cause }
                let names = cause.runs.prefix(3).joined(separator: ", ") + (cause.runs.count > 3 ? ", …" : "")
                return "  \(plural(cause.runs.count, "run")) (\(names)): \(cause.cause)"
            }
    }

    private var excluding: String { exclude.isEmpty ? "" : " --exclude " + exclude.joined(separator: ",") }

    private func comparison(_ share: Share, of noun: String?, _ style: TerminalStyle) -> String {
        var text = noun.map { ": \(share.failed) of its \(plural(share.total, $0))" } ?? ""
        if share.totalElsewhere > 0 {
            text += (noun == nil ? ": " : ", ") + "elsewhere \(share.failedElsewhere) of \(share.totalElsewhere)"
        }
        return share.isTelling ? style.paint(text, .yellow) : text
    }
}
