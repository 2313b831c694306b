import Artifacts
import Foundation
package import Glibc
import Jobs
import Store

/// Agents as processes on this machine that outlive the terminal.
package enum LocalAgents {
    /// How many threads each of `count` agents may use.
    package static func threads(forAgents count: Int, cores: Int) -> Int { max(1, cores / count) }

    /// How many cores this process may use.
    package static var cores: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

    /// The variables that fix an agent's thread count, for OpenMP and for OpenBLAS without it.
    package static func threadVariables(_ threads: Int) -> [(name: String, value: String)] {
        [("OMP_NUM_THREADS", String(threads)), ("OPENBLAS_NUM_THREADS", String(threads))]
    }

    /// Starts a process in its own session, reading nothing and writing to `log`.
    ///
    /// - Parameters:
    ///   - command: An absolute path and its arguments.
    ///   - environment: All its variables.
    ///   - log: The file that gets its output.
    /// - Returns: The process.
    /// - Throws: Why it can't be started.
    package static func start(
        _ command: [String], environment: [String: String], log: String
    ) throws(Failure) -> pid_t {
        let started = Spawn.start(
            command, environment: environment, resetting: [SIGINT, SIGTERM, SIGHUP, SIGPIPE]
        ) { files in
            posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
            posix_spawn_file_actions_adddup2(&files, 1, 2)
        }
        switch started {
        case .success(let pid): return pid
        case .failure(let reason): throw .failed("cannot start \(command[0]): \(reason)")
        }
    }

    /// Sends a signal to an agent of this machine; SIGTERM asks it to save its state and end.
    ///
    /// - Parameters:
    ///   - pid: The process that the agent is known by.
    ///   - number: The signal.
    ///   - worker: The program it runs; any other process that has the number by now is left alone.
    /// - Returns: Whether the process was there.
    package static func signal(_ pid: pid_t, _ number: Int32, running worker: String) -> Bool {
        // A script's interpreter comes before the script.
        let words = ProcessCheck.commandLine(of: pid).prefix(2)
        guard ProcessCheck.isRunning(pid), words.contains(worker) else { return false }
        return kill(pid, number) == 0
    }
}
