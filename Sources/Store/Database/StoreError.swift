/// Why the state file could not be read or changed; nothing of the failed change is kept.
public enum StoreError: Error, Equatable {
    /// The cache folder cannot be used.
    case folder(CacheFolderError)
    /// The state file is empty, though there are folders of jobs.
    case emptied(path: String, jobs: Int)
    /// The state file is missing, though there are folders of jobs.
    case missing(path: String, jobs: Int)
    /// A file that others have left next to the state file, and its owner.
    case keptOut(by: String, path: String)
    /// The state file is another cache's, by a link.
    case linked(path: String, original: String)
    /// The cache was moved, or taken away, while it was in use.
    case moved(path: String)
    /// A file can't be read.
    case unreadable(path: String, reason: String)
    /// The folder or file can't be created or written.
    case unwritable(path: String, reason: String)
    /// The disk or the quota is full.
    case diskFull(path: String)
    /// The disk or the network file system failed.
    case diskFailed(path: String, detail: String)
    /// Other processes kept the file locked longer than anybody should: those of this machine, as `1234 (worker)`.
    case locked(path: String, by: [String])
    /// Processes of this machine have the file open in a way that other machines cannot follow: `1234 (worker)`.
    case usedHere(path: String, by: [String])
    /// The file is not a database, or a damaged one.
    case damaged(path: String, detail: String)
    /// A later version of this program changed the file's layout.
    case createdByNewerVersion(path: String)
    /// An attempt that is no longer its run's current one tried to change something.
    case lostLease(LostLease)
    /// An agent that is marked as ended tried to claim something.
    case agentEnded(AgentID, reason: String)
    /// There is no such job; the known ones are the latest.
    case unknownJob(JobID, latest: [JobID])
    /// There is no such run.
    case unknownRun(RunID)
    /// No run's name begins so.
    case noRun(prefix: String)
    /// More than one run's name begins so; some of them.
    case ambiguousRun(prefix: String, candidates: [RunID])
    /// A run that is to be tried again is neither failed nor cancelled, and has begun.
    case notRetryable(RunID, RunStatus)
    /// A run that is to be held or moved forward is over.
    case settled(RunID, RunStatus)
    /// Nothing of the job is left.
    case finished(JobID)
    /// Anything else the database says.
    case unexpected(path: String, message: String)
}

extension StoreError {
    /// Why this user cannot change the state.
    public init(_ obstacle: CacheFolder.Obstacle) {
        if obstacle.isCompanion, let owner = obstacle.owner {
            self = .keptOut(by: owner, path: obstacle.path)
        } else {
            self = .unwritable(
                path: obstacle.path, reason: obstacle.reason + (obstacle.owner.map { " (it belongs to \($0))" } ?? ""))
        }
    }

    /// Whether the same may succeed a little later without anybody's doing.
    public var mayPass: Bool {
        switch self {
        case .locked, .usedHere, .diskFull, .diskFailed: true
        default: false
        }
    }
}

/// An attempt that was refused, and what became of its run.
public struct LostLease: Sendable, Equatable {
    /// The run that the attempt was at.
    public let run: RunID
    /// The attempt that was refused.
    public let attempt: Int
    /// Where the run stands now.
    public let status: RunStatus
    /// The run's latest attempt.
    public let currentAttempt: Int
}

extension StoreError: CustomStringConvertible {
    /// One readable line: what happened, to what, what to do.
    public var description: String {
        switch self {
        case .folder(let error): error.description
        case .emptied(let path, let jobs):
            "\(path) is empty, though there are folders of \(jobs) job\(jobs == 1 ? "" : "s") beside it: a file server "
                + "that crashed or a full quota can do that; restore it from a backup, or delete it to start afresh"
        case .missing(let path, let jobs):
            "\(path) is missing, though there are folders of \(jobs) job\(jobs == 1 ? "" : "s") beside it: restore it "
                + "from a backup; `orchestrator submit` starts afresh"
        case .keptOut(let owner, let path):
            "\(path) belongs to \(owner), who had the state open last, and keeps you from changing it: once none of "
                + "\(owner)'s commands and agents uses it, `cp \(path) \(path).own && mv -f \(path).own \(path)` makes it yours"
        case .linked(let path, let original):
            "\(path) is the file of the cache in \(original) by another name (a link): nothing was changed; for a cache of "
                + "its own, `cp -L \(path) \(path).own && mv -f \(path).own \(path)` makes a copy"
        case .moved(let path):
            "\(path) was moved or taken away while it was in use: commands go on at its new place"
        case .unreadable(let path, let reason):
            "cannot read \(path): \(reason); make it readable or set SPD_CACHE_DIR to another folder"
        case .unwritable(let path, let reason):
            "cannot write \(path): \(reason); make it writable or set SPD_CACHE_DIR to another folder"
        case .diskFull(let path):
            "no space left for \(path): nothing was changed; free some space or set SPD_CACHE_DIR "
                + "to a folder on another disk, then try again"
        case .diskFailed(let path, let detail):
            "\(path) cannot be read or written (\(detail)): nothing was changed; "
                + "look at the quota, the disk and, on a network file system, its server, then try again"
        case .locked(let path, let holders):
            holders.isEmpty
                ? "\(path) stayed locked by another process: nothing was changed; "
                    + "`fuser \(path)*` names it on the machine where it runs, then try again"
                : "\(path) stayed locked by process \(holders.joined(separator: ", ")): nothing was changed; "
                    + "wait for it or end it, then try again"
        case .usedHere(let path, let users):
            "\(path) is in use by \(users.isEmpty ? "other processes" : "process \(users.joined(separator: ", "))") of this "
                + "machine in a way that other machines cannot follow: wait until \(users.count == 1 ? "it ends" : "they end"), "
                + "or set SPD_CACHE_DIR to another folder for jobs on SLURM"
        case .damaged(let path, let detail):
            "\(path) is damaged (\(detail)): restore it from a backup, or move it aside to start afresh; "
                + "the runs' folders are not affected"
        case .createdByNewerVersion(let path):
            "\(path) was written by a newer version of this program: use that version, "
                + "or set SPD_CACHE_DIR to another folder"
        case .lostLease(let lost):
            "attempt \(lost.attempt) of run \(lost.run) has lost its lease: "
                + (lost.currentAttempt > lost.attempt
                    ? "attempt \(lost.currentAttempt) has taken over" : "the run is \(lost.status.rawValue)")
        case .agentEnded(_, let reason):
            "this agent is marked as ended (\(reason)): it takes no more runs"
        case .unknownJob(let job, let latest):
            latest.isEmpty
                ? "there is no job \(job): no job has been submitted yet"
                : "there is no job \(job); the latest are "
                    + latest.map(\.description).joined(separator: ", ")
        case .unknownRun(let run):
            "there is no run \(run)"
        case .noRun(let prefix):
            "no run's name begins with '\(prefix)'; `orchestrator status JOB` lists a job's runs"
        case .ambiguousRun(let prefix, let candidates):
            "'\(prefix)' begins the names of several runs: "
                + candidates.map(\.description).joined(separator: ", ") + "; give more letters"
        case .notRetryable(let run, let status):
            "run \(run) is \(status.rawValue): only failed and cancelled runs can be retried"
                + (status == .stopped ? ", and those that a search skipped because its target was reached" : "")
        case .settled(let run, let status):
            "run \(run) is \(status.rawValue): it is no longer waiting"
        case .finished(let job):
            "job \(job) has nothing left to do; `orchestrator retry \(job)` requeues failed and cancelled runs, "
                + "`orchestrator add \(job)` adds some"
        case .unexpected(let path, let message):
            "\(path): \(message)"
        }
    }
}
