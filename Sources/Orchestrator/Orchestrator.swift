import ArgumentParser
import Artifacts
import Foundation
import Orchestration
import Version

/// Plans sweeps of SPD runs, starts agents for them and shows their state.
@main
struct Orchestrator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orchestrator",
        abstract: "Run sweeps of Stochastic Parameter Decomposition, here or on SLURM.",
        discussion: """
            EXAMPLES
              orchestrator experiments                     what you can run
              orchestrator submit --experiments tms_5-2    one, as published
              orchestrator submit --sweep my.yaml --n-agents 8
              orchestrator status --watch                  how it is going
              orchestrator help workflow                   from a sweep file to results, in one screen

            All data is kept in SPD_CACHE_DIR (default: ~/spd_cache).
            """,
        version: ProgramVersion.text,
        subcommands: [
            Submit.self, RunOne.self, Status.self, UI.self, ListJobs.self, Show.self, Logs.self, Cancel.self,
            Retry.self, Resume.self,
            Add.self, Scale.self, Hold.self, Release.self, Priority.self, Note.self, Tag.self, Rename.self,
            Best.self,
            Compare.self, PlotFigures.self, Observe.self, Export.self, Why.self, Report.self,
            Sync.self, Clean.self, DiskUsage.self, Archive.self, ListExperiments.self, Doctor.self, DoctorProbe.self,
            Workflow.self,
        ])

    static func main() async {
        StandardStreams.prepare()
        if let refusal = SpareThreads.refusal { end(with: Failure.failed(refusal)) }
        do {
            let arguments = CommandLineArguments.canonical(Array(CommandLine.arguments.dropFirst()))
            // Every command states its name: the parser would make up a missing one, which takes 0.1 ms at each start.
            try CommandLineArguments.check(
                arguments, commands: configuration.subcommands.compactMap { $0.configuration.commandName })
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            try StandardStreams.flush()
        } catch {
            end(with: error)
        }
    }

    /// Says what went wrong in one message and ends: 0 for help, 2 for bad input, 1 for a failed operation.
    private static func end(with error: any Error) -> Never {
        switch error {
        case let error as Failure:
            printError(error.message)
            if CommandLine.arguments.contains("--json"), let text = error.json { print(text, terminator: "") }
            // The reason the command failed takes precedence over where it could not report it.
            do throws(FileError) { try StandardStreams.flush() } catch { printError("\(error)") }
            Foundation.exit(error.exitCode)
        case let error as FileError:
            printError("\(error)")
            Foundation.exit(Failure.failed)
        case let code as ExitCode:
            do throws(FileError) { try StandardStreams.flush() } catch { end(with: error) }
            Foundation.exit(code.rawValue)
        default:
            guard exitCode(for: error) != .success else {
                print(fullMessage(for: error))
                end(with: ExitCode.success)
            }
            // What the parser throws is a mistake on the command line.
            let usage = fullMessage(for: error).split(separator: "\n").first { $0.hasPrefix("Usage: ") }
            let command = (usage ?? "").split(separator: " ").dropFirst(2).first { !$0.hasPrefix("[") } ?? ""
            let help = command.hasPrefix("<") || command.isEmpty ? "" : " \(command)"
            let message = message(for: error).trimmingCharacters(in: ["."])
            end(with: Failure.badInput("\(message) (`orchestrator\(help) --help` explains the options)"))
        }
    }
}
