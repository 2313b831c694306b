import Foundation
import Slurm
import Store

/// A job that has been stored and whose agents are on their way.
struct StartedJob {
    let store: Store
    let snapshot: JobSnapshot
    let executor: Executor
    let warnings: [String]

    /// What `submit` prints.
    func text() -> String {
        let job = snapshot.job
        let place =
            switch job.executor {
            case .local: "local (\(executor.reason))"
            case .slurm: "slurm (\(executor.reason))" + (job.slurmJobID.map { ", batch job \($0)" } ?? "")
            }
        return """
            Job \(job.id) (\(job.token)): \(plural(snapshot.runs.count, "spec")), \
            \(plural(job.agentCount, "agent")), \(place)
            Folder: \(job.folder)
            Status: orchestrator status \(job.id) --watch

            """
    }

    /// What `submit --json` prints.
    func json() throws -> String {
        try JSONText.encode(JobReport(snapshot))
    }
}

extension Submission {
    /// What `submit --dry-run` prints.
    func preview() throws(Failure) -> String {
        var lines = ["Would store one job: \(plural(plan.specs.count, "spec"))."]
        for (experiment, count) in plan.counts { lines.append("  \(experiment): \(plural(count, "spec"))") }
        if !plan.example.isEmpty { lines.append("First spec: \(plan.example)") }
        let folder = "\(cache.jobs)/N"
        lines.append("Folder: \(folder)")
        switch executor.kind {
        case .local:
            let threads = LocalAgents.threads(forAgents: agentCount, cores: LocalAgents.cores)
            lines.append(
                "Would start \(plural(agentCount, "local agent")) (\(executor.reason)), "
                    + "\(plural(threads, "thread")) each.")
        case .slurm:
            lines.append("Would call sbatch (\(executor.reason)) with this script:")
            lines.append("")
            lines.append(try previewScript())
        }
        lines.append("Nothing was stored or started (--dry-run).")
        return lines.joined(separator: "\n") + "\n"
    }

    /// What `submit --dry-run --json` prints.
    func previewJSON() throws -> String {
        let script = executor.kind == .slurm ? try previewScript() : nil
        return try JSONText.encode(
            Preview(
                specs: plan.specs.count,
                experiments: plan.counts.map { .init(experiment: $0.experiment, specs: $0.count) },
                executor: executor.kind.rawValue, agents: agentCount,
                script: script))
    }

    private func previewScript() throws(Failure) -> String {
        let job = JobID(rawValue: 0)
        let layout = JobFolder.Layout(path: "\(cache.jobs)/N")
        var script = try script(for: job, layout)
        script.command = layout.command(for: job).dropLast() + ["N"]
        return script.text
    }

    private struct Preview: Encodable {
        struct Part: Encodable {
            let experiment: String
            let specs: Int
        }
        let specs: Int
        let experiments: [Part]
        let executor: String
        let agents: Int
        let script: String?
    }
}

/// `1 spec`, `4 specs`.
func plural(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
