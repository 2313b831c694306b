import ArgumentParser
import Artifacts
import Foundation
import Orchestration
import Store
import WandB

/// Sends to W&B what runs keep in their folders.
struct Sync: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Send stored data in the runs' folders to W&B, even while they run on nodes without internet.",
        discussion: """
            EXAMPLES
              orchestrator sync                all unsent data of all jobs
              orchestrator sync 7 --live       job 7 from a login node, until it is over and everything is sent
              orchestrator sync k3j9 x0qa      two runs; the beginnings of their names are enough
              orchestrator sync --requests-per-minute 200
              orchestrator sync 7 --offline-folders && wandb sync "$SPD_CACHE_DIR/wandb"

            All runs share one request budget. ^C or a crash loses nothing and sends nothing twice: the next
            sync continues from what the server has. A stop on a run's W&B page reaches its agent through --live.

            EXIT CODES: 0 everything is sent, 3 something is left because runs are still active (or after ^C), 1 something
            could not be sent, 2 wrong usage or no API key.
            """)

    @Argument(
        help: ArgumentHelp("Job numbers, names of runs or their beginnings.", valueName: "job-or-run"),
        completion: CompletionWords.jobsAndRuns)
    var names: [String] = []

    @Flag(help: "Continue until every run is over and sent.")
    var live = false

    @Option(help: ArgumentHelp("The most requests per minute, for all runs together.", valueName: "count"))
    var requestsPerMinute = 60

    @Option(
        help: ArgumentHelp(
            "With --live: the shortest time between two requests for an active run.", valueName: "seconds"))
    var every = 15.0

    @Flag(
        help: """
            Send nothing: write runs that are over, and of which W&B has nothing, as the offline-run-… folders that \
            W&B's own `wandb sync` takes.
            """)
    var offlineFolders = false

    @Flag(help: "Print a summary as JSON at the end, and nothing else.")
    var json = false

    func validate() throws {
        guard requestsPerMinute >= 1 else {
            throw ValidationError("--requests-per-minute is \(requestsPerMinute); it takes 1 or more")
        }
        guard every > 0, every <= 3600 else {
            throw ValidationError("--every is \(every); it takes more than 0 and at most 3600 seconds")
        }
        guard !(offlineFolders && live) else {
            throw ValidationError("--offline-folders sends nothing, so it cannot be combined with --live")
        }
    }

    func run() async throws {
        Interruption.listen()
        let state = try await OpenStore.open(for: .changing)
        let selection = try await failing { try SyncSelection(names, in: state.store, cache: state.cache) }
        if offlineFolders {
            let export = try await failing {
                try OfflineFolders(selection.current(in: state.store), in: state.cache.wandb)
            }
            print(json ? try export.json() : export.text, terminator: "")
            if export.hasFailed { throw ExitCode(Failure.failed) }
            return
        }
        let options = try options(state)
        let style = TerminalStyle.forStandardOutput(environment: state.environment)
        let session = SyncSession(
            relay: try await failing { try Relay(options, budget: RequestBudget(perMinute: requestsPerMinute)) },
            selection: selection, store: state.store, isLive: live, perMinute: requestsPerMinute,
            explain: { SyncAccess.explain($0, environment: state.environment) },
            view: json ? nil : SyncView(style: style), renewal: .seconds(min(10, max(1, every))))
        let summary = try await failing { try await session.run() }
        print(try await failing { json ? try summary.json() : summary.text(style) }, terminator: "")
        if let failure = summary.failure {
            printError(failure)
            throw ExitCode(Failure.failed)
        }
        if summary.exitCode != 0 { throw ExitCode(summary.exitCode) }
    }

    private func options(_ state: OpenStore) throws(Failure) -> Relay.Options {
        let access = try SyncAccess(environment: state.environment)
        let folder = state.cache.senders
        try storing { () throws(FileError) in try DurableFile.createFolder(folder) }
        let name = "\(ThisMachine.hostName)-\(getpid())"
        var options = Relay.Options(
            settings: access.settings, key: access.key, presence: state.cache.sender(named: name))
        options.isLive = live
        options.pacing.interval = .seconds(every)
        return options
    }
}
