import CLinux
public import Glibc

/// Starts programs with no signal blocked.
public enum Spawn {
    /// Starts a program that reads nothing, unless `open` says otherwise.
    ///
    /// - Parameters:
    ///   - command: An absolute path and its arguments.
    ///   - environment: All its variables.
    ///   - folder: Where it starts; nil for where this process is.
    ///   - isDetached: Whether it has its own session, which ^C at this terminal does not reach.
    ///   - signals: Those that do again what they do by default, whatever this process does with them.
    ///   - open: Says where its output goes.
    /// - Returns: The process; or why there is none, as `strerror` knows it.
    public static func start(
        _ command: [String], environment: [String: String], in folder: String? = nil, isDetached: Bool = true,
        resetting signals: [Int32] = [], files open: (inout posix_spawn_file_actions_t) -> Void
    ) -> Result<Int32, Reason> {
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
        open(&files)
        if let folder { posix_spawn_file_actions_addchdir_np(&files, folder) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var reset = sigset_t()
        sigemptyset(&reset)
        for number in signals { sigaddset(&reset, number) }
        posix_spawnattr_setsigdefault(&attributes, &reset)
        let flags = Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        posix_spawnattr_setflags(&attributes, isDetached ? flags | SPD_SPAWN_SETSID : flags)

        var pid: pid_t = 0
        let code = withCStrings(command) { arguments in
            withCStrings(environment.map { "\($0)=\($1)" }.sorted()) { variables in
                posix_spawn(&pid, command[0], &files, &attributes, arguments, variables)
            }
        }
        return code == 0 ? .success(pid) : .failure(Reason(code: code))
    }

    /// Why a program could not be started.
    public struct Reason: Error, CustomStringConvertible {
        let code: Int32

        /// The system's words.
        public var description: String { String(cString: strerror(code)) }
    }

    private static func withCStrings<T>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> T
    ) -> T {
        let pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
