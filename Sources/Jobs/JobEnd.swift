import Artifacts
import Foundation
public import Slurm
public import Store

/// What is left to do when the last spec of a job has ended: agents that still wait in SLURM's queue are cancelled, the
/// summary is written, the user's command is run.
public struct JobEnd: Sendable {
    private let store: Store
    private let job: Job
    private let slurm: SlurmCommands
    private let environment: [String: String]

    /// Prepares the end of `job`; `environment` is what the user's command gets to see.
    public init(store: Store, job: Job, slurm: SlurmCommands, environment: [String: String]) {
        self.store = store
        self.job = job
        self.slurm = slurm
        self.environment = environment
    }

    /// Does it, if nothing of the job is left and nobody has done it before.
    ///
    /// The summary is written before the end is recorded, so a crash in between only means that it is written again;
    /// the user's command runs at most once.
    ///
    /// - Parameter callsOffWaiting: Whether to cancel agents that still wait in SLURM's queue.
    /// - Returns: Messages; empty if it was not this caller's turn.
    /// - Throws: `StoreError`, `FileError`; then the next caller tries again.
    public func perform(callsOffWaiting: Bool = true) async throws -> [String] {
        guard try store.openWork(of: job.id).isNone, try store.job(job.id).finished == nil else { return [] }
        let summary = try JobSummaryFile(store: store, job: job.id)
        try DurableFile.write(summary.text(), to: job.folder.summary)
        try DurableFile.write(summary.lines(), to: job.folder.runLines)
        guard try store.markFinished(job.id) else { return [] }
        var notes = ["job \(job.id) is finished: \(job.folder.summary)"]
        if callsOffWaiting, job.executor == .slurm, try store.agents(of: job.id).count < job.agentCount {
            do {
                try await slurm.cancelPending(named: job.token)
                notes.append("agents still waiting in SLURM's queue are cancelled")
            } catch {
                notes.append("SLURM: \(error); agents still waiting will find nothing to do")
            }
        }
        if let command = job.options.onFinish {
            let command = UserCommand(option: "--on-finish", text: command, log: job.folder.finishLog)
            notes.append(command.run(for: job, environment: environment))
        }
        return notes
    }
}
