import ArgumentParser
import Artifacts
import CLinux
import Foundation

extension Worker {
    /// Becomes a user's observer, with less memory and no open files of ours.
    struct RunObserver: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "run-observer",
            abstract: "Become a user's observer: limit memory, close files, end with the process that has started it.",
            shouldDisplay: false)

        @Option(help: ArgumentHelp("Bytes of memory.", valueName: "bytes"))
        var memory: Int

        @Option(help: ArgumentHelp("The working folder.", valueName: "folder"))
        var folder: String

        @Argument(help: "The program.")
        var program: String

        func run() throws {
            let parent = getppid()
            // Who has started this may have ended already.
            guard spd_die_with_parent() == 0, getppid() == parent else { throw ExitCode(1) }
            var limit = rlimit(rlim_cur: rlim_t(memory), rlim_max: rlim_t(memory))
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            limit = rlimit(rlim_cur: 0, rlim_max: 0)
            setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
            // Where memory runs out, the kernel takes the observer before the run.
            if let file = fopen("/proc/self/oom_score_adj", "w") {
                fputs("1000", file)
                fclose(file)
            }
            guard chdir(folder) == 0 else { trouble(folder) }
            if spd_close_from(3) != 0 { for file in 3..<Int32(1024) { close(file) } }
            var arguments = [strdup(program), nil]
            execv(program, &arguments)
            trouble(program)
        }

        private func trouble(_ path: String) -> Never {
            let code = errno
            let reason =
                code == ENOENT && access(path, F_OK) == 0
                ? "the interpreter that its first line names is not on this machine" : String(cString: strerror(code))
            StandardStreams.writeError("\(path): \(reason)\n")
            _exit(127)
        }
    }
}
