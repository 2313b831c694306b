import ArgumentParser
import Foundation
import Orchestration
import Store

/// Asks observers about runs that are over.
struct Observe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "observe",
        abstract: "Compute your own metrics and run observers on finished runs.",
        discussion: """
            EXAMPLES
              orchestrator observe k3j9 m2x7                     the runs' own user_metrics and observers
              orchestrator observe k3j9 --observer ./mine.py --needs ci,V
              orchestrator observe k3j9 --step 2000 --step 4000

            The weights that save_freq kept and the seed reproduce the same tensors, so a step's values are those that the run
            would have logged. One line of JSON is printed for each step; tables, histograms and files are in the folder
            (--out, default: observed-<run>). A second call there asks about no step twice.
            """)

    @Argument(
        help: ArgumentHelp("Runs' names or their beginnings.", valueName: "run"), completion: CompletionWords.runs)
    var runs: [String]

    @Option(help: ArgumentHelp("An observer, instead of the runs' own.", valueName: "file"))
    var observer: String?

    @Option(help: ArgumentHelp("The tensors it needs, separated by commas (default: ci).", valueName: "a,b"))
    var needs: String?

    @Option(help: ArgumentHelp("How long it may take for one step, in seconds.", valueName: "s"))
    var timeout: Double?

    @Option(
        help: ArgumentHelp("Only this step; repeatable (default: all steps with saved weights).", valueName: "n"))
    var step: [Int] = []

    @Option(
        help: ArgumentHelp(
            "The folder for answers and files; with several runs, one subfolder each.", valueName: "folder"))
    var out: String?

    func validate() throws {
        if observer == nil, needs != nil || timeout != nil {
            throw ValidationError("--needs and --timeout belong to --observer")
        }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let state = try await OpenStore.open(for: .looking)
        for name in runs {
            let run = try await failing { try state.store.run(state.store.run(startingWith: name.lowercased())) }
            let program = observer.map { path in
                RunObservation.Asked(
                    path: path, needs: needs?.split(separator: ",").map { String($0) } ?? [], timeout: timeout)
            }
            let observation = try RunObservation(of: run, asking: program, in: state.store, environment: environment)
            let place = out.map { runs.count > 1 ? "\($0)/\(run.id)" : $0 } ?? "observed-\(run.id)"
            try observation.perform(steps: step, out: place, cache: state.cache)
        }
    }
}
