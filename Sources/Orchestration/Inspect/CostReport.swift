import Foundation
import Jobs
package import Slurm
package import Store

/// What a job has cost: `status --cost`.
package struct CostReport {
    private let snapshot: JobSnapshot
    private let cost: JobCost
    /// Why SLURM's accounting could not be queried.
    package let problem: String?

    /// Sums up a job's cost; SLURM's accounts are asked once.
    ///
    /// - Throws: What keeps the state file from being read.
    package init(of job: JobID, in store: Store, slurm: SlurmCommands) async throws {
        snapshot = try store.snapshot(of: job)
        let numbers = Set(snapshot.agents.compactMap { $0.slurm.arrayJob ?? $0.slurm.job }).sorted()
        var accounts: [SlurmAccount] = []
        var problem: String?
        if snapshot.job.executor == .slurm {
            do throws(SlurmError) {
                let kept = try await slurm.accounts(of: numbers.map(SlurmJobID.init))
                accounts = kept ?? []
                if kept?.isEmpty == true, !numbers.isEmpty { problem = "SLURM's accounting knows none of its agents" }
            } catch {
                problem = "SLURM's accounts: \(error)"
            }
        }
        self.problem = problem
        cost = JobCost(snapshot, try store.attempts(of: job), accounts: accounts)
    }

    /// For people.
    package func text(_ style: TerminalStyle) -> String {
        let all = cost.job
        var lines = [
            style.paint("Job \(snapshot.job.id): \(Self.hours(all.coreHours)) core-hours", .bold)
                + " of \(plural(cost.agents.count, "agent"))"
                + (cost.isAccounted ? ", by SLURM's accounts" : ", by the agents' own figures"), "",
        ]
        var table = TextTable([
            ("", .left), ("WALL", .right), ("QUEUE", .right), ("CORE-HOURS", .right), ("CPU", .right),
            ("EFFICIENCY", .right), ("PEAK MEMORY", .right),
        ])
        for (name, item) in cost.nodes where cost.nodes.count > 1 { table.add(Self.row("node \(name)", item)) }
        for (agent, item) in cost.agents { table.add(Self.row("agent \(agent.job).\(agent.number)", item)) }
        for run in snapshot.runs { if let item = cost.runs[run.id] { table.add(Self.row("run \(run.id)", item)) } }
        lines += table.lines(style)
        if let problem { lines += ["", problem] }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func row(_ name: String, _ item: JobCost.Item) -> [TextTable.Cell] {
        [
            .init(name), .init(StatusText.time(.seconds(item.wallSeconds))),
            .init(item.queueSeconds.map { StatusText.time(.seconds($0)) } ?? ""), .init(hours(item.coreHours)),
            .init(item.cpuSeconds.map { StatusText.time(.seconds($0)) } ?? ""),
            .init(item.cpuEfficiency.map { String(format: "%.0f %%", 100 * $0) } ?? ""),
            .init(item.peakMemory.map(RunDetails.size) ?? ""),
        ]
    }

    private static func hours(_ hours: Double) -> String { String(format: hours < 1 ? "%.4f" : "%.2f", hours) }

    /// For programs.
    package struct Report: Encodable {
        struct Named: Encodable {
            let name: String
            let cost: JobCost.Item
        }
        let job: Int64
        let cost: JobCost.Item
        let isAccounted: Bool
        let nodes: [Named]
        let agents: [Named]
        let runs: [Named]
        let problem: String?
    }

    package var report: Report {
        Report(
            job: snapshot.job.id.rawValue, cost: cost.job, isAccounted: cost.isAccounted,
            nodes: cost.nodes.map { .init(name: $0.name, cost: $0.cost) },
            agents: cost.agents.map { .init(name: "\($0.agent.job).\($0.agent.number)", cost: $0.cost) },
            runs: snapshot.runs.compactMap { run in
                cost.runs[run.id].map { .init(name: run.id.rawValue, cost: $0) }
            }, problem: problem)
    }
}
