import Foundation
package import CLinux
import Glibc
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

    /// Starts a process in a session of its own, reading nothing and writing to `log`.
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
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&files, 1, 2)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var ours = sigset_t()
        sigemptyset(&ours)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&ours, number) }
        posix_spawnattr_setsigdefault(&attributes, &ours)
        posix_spawnattr_setflags(
            &attributes,
            SPD_SPAWN_SETSID | Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let status = withCStrings(command) { arguments in
            withCStrings(environment.map { "\($0)=\($1)" }.sorted()) { variables in
                var pid: pid_t = 0
                let code = posix_spawn(&pid, command[0], &files, &attributes, arguments, variables)
                return (code, pid)
            }
        }
        guard status.0 == 0 else {
            throw .failed("cannot start \(command[0]): \(String(cString: strerror(status.0)))")
        }
        return status.1
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

    package static func withCStrings<T>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> T
    ) -> T {
        let pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
