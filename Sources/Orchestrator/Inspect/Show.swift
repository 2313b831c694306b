import ArgumentParser
import Artifacts
import Experiments
import Foundation
import JSON
import Orchestration
import Store
import WandB

/// Shows everything that is known about a run.
struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show everything about a run: config, attempts, nodes, times, files, error.",
        discussion: """
            EXAMPLES
              orchestrator show k3j9           the beginning of the run's name is enough
              orchestrator show k3j9 --json
              orchestrator show k3j9 --extract figures
            """)

    @Argument(
        help: ArgumentHelp("The run's name or its beginning.", valueName: "run"), completion: CompletionWords.runs)
    var name: String

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("Unpack the run's figures (PNG) into a folder, and show nothing.", valueName: "folder"))
    var extract: String?

    @OptionGroup var source: ArchiveOption

    func run() async throws { try await source.open { try await show($0) } }

    private func show(_ state: OpenStore) async throws {
        if let extract { return try await failing { try unpack(to: extract, state) } }
        let details = try await failing {
            try RunDetails(
                startingWith: name, in: state.store, cache: state.cache, environment: state.environment)
        }
        let style = TerminalStyle.forStandardOutput(environment: state.environment)
        let text = try await failing { json ? try details.json() : try details.text(style) }
        print(state.told(text), terminator: "")
    }

    private func unpack(to folder: String, _ state: OpenStore) throws {
        let run = try state.store.run(state.store.run(startingWith: name.lowercased()))
        let figures = try FigureFiles(in: run.folder.path)
        guard !figures.packs.isEmpty else { throw Failure.failed("run \(run.id) has no figures") }
        print("\(plural(try figures.extract(to: folder), "figure")) of run \(run.id) in \(folder)")
    }
}
