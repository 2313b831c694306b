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
    /// The summary is written before the end is noted, so that a crash in between only means that it is written again;
    /// the user's command runs at most once.
    ///
    /// - Parameter callsOffWaiting: Whether to cancel agents that still wait in SLURM's queue.
    /// - Returns: What to tell; nothing if it was not this caller's turn.
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
                notes.append("agents that still wait in SLURM's queue are called off")
            } catch {
                notes.append("SLURM: \(error); agents that still wait will find nothing to do")
            }
        }
        if let command = job.options.onFinish { notes.append(run(command)) }
        return notes
    }

    /// Runs the user's command in the folder that the job was submitted from; what it prints goes to its own log.
    private func run(_ command: String) -> String {
        let log = job.folder.finishLog
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command]
        process.currentDirectoryURL = URL(filePath: job.submittedFrom)
        process.environment = environment.merging([
            "SPD_JOB_ID": job.id.description, "SPD_JOB_NAME": job.token, "SPD_JOB_FOLDER": job.folder.path,
            "SPD_SUMMARY": job.folder.summary,
        ]) { $1 }
        do {
            guard FileManager.default.createFile(atPath: log, contents: nil) else {
                return "--on-finish: cannot write \(log); the command was not run"
            }
            let output = try FileHandle(forWritingTo: URL(filePath: log))
            process.standardOutput = output
            process.standardError = output
            process.standardInput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
        } catch {
            return "--on-finish: the command could not be run: \(error.localizedDescription)"
        }
        return process.terminationStatus == 0
            ? "--on-finish: done" : "--on-finish: exit code \(process.terminationStatus); see \(log)"
    }
}
