public import Artifacts
import Foundation

/// A job's folder and the names of what it holds.
public struct JobFolder: Sendable, Equatable {
    /// Where the folder is.
    public let path: String

    /// Names a folder without touching it.
    public init(path: String) {
        self.path = path
    }

    /// The program that the job's agents run.
    public var worker: String { path + "/worker" }
    /// A folder in which the job's next worker is made ready.
    ///
    /// - Throws: `FileError`; then nothing is left.
    public func asideForWorker() throws(FileError) -> Aside {
        try Aside(in: path, named: Self.workerMark + UUID().uuidString)
    }
    /// Whether a file or folder of this name holds a worker that did not get its name; earlier versions had files.
    static func isUnfinishedWorker(_ name: String) -> Bool {
        name.hasPrefix(Aside.prefix + workerMark)
            || name.hasPrefix(workerMark) && UUID(uuidString: String(name.dropFirst(workerMark.count))) != nil
    }
    private static let workerMark = "worker-"
    /// Where the job comes from: commit, versions, variables.
    public var snapshot: String { path + "/snapshot.json" }
    /// What the checkout had changed since its commit.
    public var diff: String { path + "/diff.patch" }
    /// The sweep file.
    public var sweep: String { path + "/sweep.yaml" }
    /// A sweep file whose specs were added later.
    public func addedSweep(_ id: String) -> String { "\(path)/sweep-added-\(id).yaml" }
    /// Copies of the config files that specs come from.
    public var configs: String { path + "/" + Self.configs }
    /// Copies of observers, each in a folder of its digest's name.
    public var observers: String { path + "/observers" }
    /// The agents' logs.
    public var logs: String { path + "/logs" }
    /// What the user's command printed at the job's end.
    public var finishLog: String { logs + "/on-finish.log" }
    /// What the user's command for failures printed.
    public var failureLog: String { logs + "/on-failure.log" }
    /// How the job ended.
    public var summary: String { path + "/summary.json" }
    /// How each of its runs ended, a line for each.
    public var runLines: String { path + "/runs.jsonl" }
    /// The lock held while starting the job's agents.
    public var launchLock: String { path + "/launch.lock" }

    /// The lock held while changing the job's number of agents.
    public var scaleLock: String { path + "/scale.lock" }
    /// What the paths of the job's batch scripts begin with.
    public var scripts: String { path + "/submit" }

    /// A batch script.
    public func script(named name: String) -> String { path + "/" + name }

    /// The name of a job's first, second, … batch script.
    public static func script(_ number: Int) -> String { number == 1 ? "submit.sh" : "submit-\(number).sh" }

    /// The log of an agent that was started on this machine, numbered from 1.
    public func log(ofAgent number: Int) -> String { "\(logs)/agent-\(number).log" }

    /// The log of an agent that SLURM started as its own job.
    public func log(ofBatchJob job: Int64) -> String { "\(logs)/\(job).log" }

    /// The log of an agent that SLURM started as a task of an array.
    public func log(ofArrayJob array: Int64, task: Int64) -> String { "\(logs)/\(array)_\(task).log" }

    /// The log of an agent by SLURM's name for it: `812`, or `812_3` for an array's task.
    public func log(ofSlurms name: String) -> String { "\(logs)/\(name).log" }

    /// The copy of a config file, relative to the folder.
    ///
    /// - Parameters:
    ///   - name: The file's name without its extension.
    ///   - digest: The SHA-256 of its bytes.
    /// - Returns: The copy's path below the folder.
    public static func config(named name: String, digest: String) -> String {
        "\(configs)/\(name)-\(digest.prefix(8)).yaml"
    }

    private static let configs = "configs"
}
