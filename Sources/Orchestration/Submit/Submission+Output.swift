import Foundation
import JSON
import Slurm
package import Store

/// A job that has been stored and whose agents are on their way.
package struct StartedJob {
    package let plan: SweepPlan
    package let store: Store
    package let snapshot: JobSnapshot
    package let executor: Executor
    package let warnings: [String]

    /// What `submit` prints.
    package func text() -> String {
        let job = snapshot.job
        let place =
            switch job.executor {
            case .local: "local (\(executor.reason))"
            case .slurm: "slurm (\(executor.reason))" + (job.slurmJobID.map { ", batch job \($0)" } ?? "")
            }
        return """
            Job \(job.id) (\(job.token)): \(plural(snapshot.counts.total, "spec")), \
            \(plural(job.agentCount, "agent")), \(place)
            \(plan.duplicatesNote.map { $0 + "\n" } ?? "")\
            Folder: \(job.folder.path)
            Status: orchestrator status \(job.id) --watch

            """
    }

    /// What `submit --json` prints.
    package func json() throws -> String {
        try JSONText.encode(
            Report(job: JobReport(try store.snapshot(of: snapshot.job.id)), duplicates: plan.duplicates))
    }

    /// The job as `status --json` has it, and what only its submission knows.
    private struct Report: Encodable {
        let job: JobReport
        let duplicates: Int

        private enum Key: CodingKey { case duplicates }

        func encode(to encoder: any Encoder) throws {
            try job.encode(to: encoder)
            var own = encoder.container(keyedBy: Key.self)
            try own.encode(duplicates, forKey: .duplicates)
        }
    }
}
