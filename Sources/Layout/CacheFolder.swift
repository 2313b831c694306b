import Glibc

/// The folder that holds everything this program keeps: state, jobs, runs, targets.
///
/// No path below it is built anywhere else. A job's or run's path follows from its name alone, so a cache
/// that was moved or copied acts on its own files.
public struct CacheFolder: Hashable, Sendable {
    /// The folder's absolute path.
    public let path: String

    /// The folder at `path`; a relative path is taken from the current folder.
    public init(path: String) {
        let absolute = path.hasPrefix("/") ? path : CacheFolder.currentFolder + "/" + path
        let parts = absolute.split(separator: "/").filter { $0 != "." }
        self.path = "/" + parts.joined(separator: "/")
    }

    /// The state file: every job, spec, run, attempt and agent.
    public var stateFile: String { path + "/state.sqlite" }

    /// The site's defaults for SLURM, written by its users.
    public var siteFile: String { path + "/site.yaml" }

    /// SLURM's queue as a user last saw it.
    public func queueFile(ofUser user: UInt32) -> String { "\(path)/squeue-\(user).json" }

    /// The folder in which commands that send to W&B say that they are alive.
    public var senders: String { path + "/sync" }

    /// The folder that holds runs as W&B's own client would write them, made on request.
    public var wandb: String { path + "/wandb" }

    /// The folder that holds one folder per job.
    public var jobs: String { path + "/jobs" }

    /// The folder that holds one folder per run, and one per target that was trained on W&B.
    public var runs: String { path + "/runs" }

    /// The folder that holds one folder per run that was trained in the foreground, without a job.
    public var trials: String { path + "/trials" }

    /// The folder that holds trained targets and copies of users' targets.
    public var targets: TargetsFolder { TargetsFolder(path: path + "/" + TargetsFolder.name) }

    /// The folder that holds models and data sets from the Hugging Face hub, laid out as its own tools do.
    public var hub: String { path + "/hub" }

    /// The folder that holds encoded text, one folder per split and tokenizer.
    public var tokens: String { path + "/tokens" }

    /// The folder of one job.
    public func folder(of job: JobID) -> JobFolder { JobFolder(path: "\(jobs)/\(job)") }

    /// The folder of one run.
    public func folder(of run: RunID) -> RunFolder { RunFolder(path: "\(runs)/\(run)") }

    /// A path below this folder as the state file keeps it: relative to the folder.
    ///
    /// Others stay as they are.
    public func relative(_ absolute: String) -> String {
        guard absolute.utf8.starts(with: path.utf8) else { return absolute }
        let rest = absolute.utf8.dropFirst(path.utf8.count)
        return rest.first == UInt8(ascii: "/") ? String(Substring(rest.dropFirst())) : absolute
    }

    /// The path that the state file speaks of.
    ///
    /// State files of earlier versions hold absolute paths, which lead elsewhere once the cache was moved or copied: a
    /// path of a target's copy is this cache's copy.
    public func absolute(_ stored: String) -> String {
        guard stored.hasPrefix("/") else { return path + "/" + stored }
        return TargetsFolder.copy(in: stored).map { targets.path + "/" + $0 } ?? stored
    }

    private static var currentFolder: String {
        guard let buffer = getcwd(nil, 0) else { return "/" }
        defer { free(buffer) }
        return String(cString: buffer)
    }
}
