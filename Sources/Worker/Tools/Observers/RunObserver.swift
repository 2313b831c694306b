import ArgumentParser
import Artifacts
import CObserver
import Foundation

extension Worker {
    /// Starts a user's observer, with less memory and no open files of ours, and ends whatever it starts with it.
    struct RunObserver: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "run-observer",
            abstract:
                "Start a user's observer: limit memory, close files, and end it and its processes with the caller.",
            shouldDisplay: false)

        @Option(help: ArgumentHelp("Bytes of memory.", valueName: "bytes"))
        var memory: Int

        @Option(help: ArgumentHelp("The working folder.", valueName: "folder"))
        var folder: String

        @Argument(help: "The program.")
        var program: String

        func run() throws {
            let reason = program.withCString { program in
                folder.withCString { folder in
                    var observer = spd_observer(program: program, folder: folder, memory: UInt64(max(memory, 0)))
                    return spd_supervise(&observer)
                }
            }
            StandardStreams.writeError("\(program): \(String(cString: strerror(reason)))\n")
            throw ExitCode(127)
        }
    }
}
