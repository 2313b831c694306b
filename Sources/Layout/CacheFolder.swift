public import Artifacts
import Foundation

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

    /// The file by which one such command says so.
    public func sender(named name: String) -> String { "\(senders)/\(name)\(Self.senderSuffix)" }

    /// Whether a file of this name is one.
    static func isSender(_ name: String) -> Bool { name.hasSuffix(senderSuffix) }

    private static let senderSuffix = ".alive"

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

    /// The lock of whoever downloads into a model's or data set's folder of the hub's.
    public static func lock(ofHubFolder folder: String) -> String { folder + "/.lock" }

    /// What a doctor calls what it tries out.
    public static func checkName(_ id: String) -> String { checkMark + id }

    /// The folder in which a doctor tries something out, in the cache or, where that is not there yet, above.
    public static func check(named name: String, in place: String) -> String { "\(place)/.\(name)" }

    /// Whether a folder of this name is one.
    static func isCheck(_ name: String) -> Bool { name.hasPrefix("." + checkMark) }

    private static let checkMark = "spd-doctor-"

    /// The folder of one job.
    public func folder(of job: JobID) -> JobFolder { JobFolder(path: "\(jobs)/\(job)") }

    /// Where the folder of a job goes that the state file does not know, when its number is given again.
    public func place(ofReplaced job: JobID) -> String { "\(jobs)/\(Self.replacedMark)\(job)-\(UUID().uuidString)" }

    /// Whether a folder of this name is one.
    static func isReplaced(_ name: String) -> Bool { name.hasPrefix(replacedMark) }

    private static let replacedMark = ".old-"

    /// The folders that hold, or are to hold, jobs: those with numbers, the latest first, and those being filled.
    ///
    /// - Throws: `FileError` if they cannot be listed.
    public func jobFolders() throws(FileError) -> (jobs: [JobFolder], drafts: [JobFolder]) {
        let names = try FolderListing.names(in: jobs)
        let numbers = names.compactMap { Int64($0) }.sorted(by: >)
        return (
            numbers.map { folder(of: JobID(rawValue: $0)) },
            names.filter(Aside.isFolder).map { JobFolder(path: jobs + "/" + $0) }
        )
    }

    /// The folder of one run.
    public func folder(of run: RunID) -> RunFolder { RunFolder(path: "\(runs)/\(run)") }

    /// The folder of a run that is trained in the foreground, without a job.
    public func folder(ofTrial run: RunID) -> RunFolder { RunFolder(path: "\(trials)/\(run)") }

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
