import Glibc

/// The folder that holds everything this program keeps: state, jobs, runs.
public struct CacheFolder: Hashable, Sendable {
    /// The folder's absolute path.
    public let path: String

    /// The folder at `path`; a relative path is taken from the current folder.
    public init(path: String) {
        let absolute = path.hasPrefix("/") ? path : CacheFolder.currentFolder + "/" + path
        let parts = absolute.split(separator: "/").filter { $0 != "." }
        self.path = "/" + parts.joined(separator: "/")
    }

    /// The folder that `SPD_CACHE_DIR` names, or `~/spd_cache`.
    public init(environment: [String: String]) {
        if let named = environment["SPD_CACHE_DIR"], !named.isEmpty {
            self.init(path: named)
        } else {
            self.init(path: (environment["HOME"] ?? "/tmp") + "/spd_cache")
        }
    }

    /// The state file: every job, spec, run, attempt and agent.
    public var stateFile: String { path + "/state.sqlite" }

    /// The folder that holds one folder per job.
    public var jobs: String { path + "/jobs" }

    /// The folder that holds one folder per run.
    public var runs: String { path + "/runs" }

    /// The folder that holds trained targets and copies of users' targets.
    public var targets: String { path + "/targets" }

    /// The folder of one run.
    public func folder(of run: RunID) -> String { runs + "/" + run.rawValue }

    private static var currentFolder: String {
        guard let buffer = getcwd(nil, 0) else { return "/" }
        defer { free(buffer) }
        return String(cString: buffer)
    }
}
