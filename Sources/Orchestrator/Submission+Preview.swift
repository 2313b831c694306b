import Experiments
import Foundation
import Slurm
import Store

extension Submission {
    /// What `submit --dry-run` prints.
    func preview() throws(Failure) -> String {
        var lines = ["Would store one job: \(plural(plan.specs.count, "spec"))."]
        for part in plan.parts {
            let example = Overrides(part.example.overrides).text()
            let text = example.isEmpty ? "" : ", the first with \(example)"
            lines.append("  \(part.experiment): \(plural(part.range.count, "spec"))\(text)")
        }
        if let note = plan.duplicatesNote { lines.append(note + ".") }
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
                duplicates: plan.duplicates,
                experiments: plan.parts.map {
                    .init(
                        experiment: $0.experiment, specs: $0.range.count, duplicates: $0.duplicates,
                        example: Overrides($0.example.overrides).values)
                },
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
            let duplicates: Int
            let example: [String: String]
        }
        let specs: Int
        let duplicates: Int
        let experiments: [Part]
        let executor: String
        let agents: Int
        let script: String?
    }
}
