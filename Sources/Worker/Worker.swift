import ArgumentParser
import Artifacts
import Foundation
import Runs
import Store
import Tokenizers
import Version

/// Runs specs of a job, one after another, until none are left.
@main
struct Worker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Run a job's specs until none are left.",
        discussion: """
            EXAMPLES
              worker --job-id 3                              join job 3 as another agent
              worker --job-id 3 --threads 4
              worker train-target my_target.yaml --out my_target
              worker replay given.safetensors --out result.safetensors
              worker tokenize SimpleStories-1.25M < texts.jsonl
              worker bench tms_5-2

            `orchestrator submit` starts workers; `worker agent --help` lists an agent's options.
            """,
        version: ProgramVersion.text,
        subcommands: [
            Agent.self, TrainTarget.self, ReplaySteps.self, BenchSteps.self, TimeSteps.self, Rows.self, Tokenize.self,
            Forward.self, Figures.self, Weights.self, Plot.self, PlotStudy.self, PlotCurves.self, PlotPage.self,
            FetchLanguage.self,
            TellMemory.self,
            Explain.self, LookAtHub.self, RunAlone.self, RunObserver.self, TryObservers.self, ObserveSteps.self,
            About.self,
        ],
        defaultSubcommand: Agent.self)

    static func main() async {
        StandardStreams.prepare()
        // A command that a user's command becomes, or waits for at the same terminal, speaks for it.
        let speaksForOrchestrator = [RunAlone.configuration.commandName, ObserveSteps.configuration.commandName]
            .contains(CommandLine.arguments.dropFirst().first)
        if let refusal = SpareThreads.refusal {
            StandardStreams.writeError("\(speaksForOrchestrator ? "orchestrator" : "worker"): \(refusal)\n")
            Foundation.exit(1)
        }
        do {
            if let option = RepeatedOption(
                in: Array(CommandLine.arguments.dropFirst()), repeatable: ["--figure", "--format"])
            {
                throw ValidationError("\(option)")
            }
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            try StandardStreams.flush()
        } catch {
            end(with: error, as: speaksForOrchestrator ? "orchestrator" : "worker")
        }
    }

    /// Says what went wrong in one message and ends: 0 for help, 2 for bad input, 1 for a failed operation.
    private static func end(with error: any Error, as speaker: String) -> Never {
        func printError(_ message: String) { StandardStreams.writeError("\(speaker): \(message)\n") }
        let code: Int32
        switch error {
        case let error as RunError:
            if case .invalid = error { code = 2 } else { code = 1 }
            printError("\(error)")
        case let error as TokenizerError:
            code = 2
            printError("\(error)")
        case let error as StoreError:
            if case .unknownJob = error { code = 2 } else { code = 1 }
            printError("\(error)")
        case let exit as ExitCode:
            code = exit.rawValue
        default:
            guard exitCode(for: error) != .success else {
                print(fullMessage(for: error))
                code = 0
                break
            }
            let isUsage = exitCode(for: error) == .validationFailure
            printError(isUsage ? message(for: error) + " (`worker --help` explains the options)" : "\(error)")
            code = isUsage ? 2 : 1
        }
        // The reason it failed takes precedence over where it could not report it.
        do throws(FileError) { try StandardStreams.flush() } catch {
            printError("\(error)")
            Foundation.exit(code == 0 ? 1 : code)
        }
        Foundation.exit(code)
    }
}
