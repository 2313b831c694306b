import ArgumentParser
import Foundation
import Orchestration
import Store

/// The doctor's other processes, here and on SLURM's nodes; not for people.
struct DoctorProbe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: Probe.command, abstract: "The checks that `doctor` runs separately.", shouldDisplay: false,
        subcommands: [Folder.self, Look.self, Node.self])

    /// Prints a value for the process that waits for it.
    private static func answer(_ value: some Encodable) throws {
        print(String(decoding: try JSONEncoder().encode(value), as: UTF8.self))
    }

    /// Looks at a state folder.
    struct Folder: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Check a state folder.")

        @Argument var path: String

        func run() throws {
            let probe = FolderProbe(
                cache: CacheFolder(path: path), environment: ProcessInfo.processInfo.environment)
            try answer(probe.findings())
        }
    }

    /// Looks at a lock, and at a file next to it.
    struct Look: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Check a lock and a file.")

        @Argument var lock: String
        @Argument var file: String

        func run() throws {
            // Until another process has written it, or if it is not visible, there is nothing to read.
            let text = FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) }
            try answer(Probe.Sight(locks: LockReport(lookingAt: lock), text: text ?? ""))
        }
    }

    /// One of two nodes that look at each other.
    struct Node: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Check another node's files and locks.")

        @Argument var folder: String

        func run() throws {
            let number = ProcessInfo.processInfo.environment["SLURM_PROCID"].flatMap(Int.init) ?? 0
            let meeting = NodesMeeting(folder: folder)
            do {
                if number == 0 { try meeting.hold() } else { try meeting.look() }
            } catch {
                throw Failure(error)
            }
        }
    }
}
