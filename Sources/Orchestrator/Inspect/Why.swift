import ArgumentParser
import Foundation
import JSON
import Jobs
import Orchestration
import Slurm
import Store

/// Tells what a job's failures have in common.
struct Why: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Show what a job's failures have in common: causes, nodes, settings.",
        discussion: """
            EXAMPLES
              orchestrator why 7
              orchestrator why 7 --json

            Attempts that were lost with their agent, or failed and were retried, count for the nodes.
            """)

    @Argument(help: "The job's number (default: the latest job).", completion: CompletionWords.jobs)
    var job: Int64?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let state = try await OpenStore.open(for: .looking)
        let style = TerminalStyle.forStandardOutput(environment: state.environment)
        let text = try await failing {
            let watch = AgentsWatch(
                cache: state.cache, slurm: SlurmCommands(environment: state.environment), store: state.store)
            let (snapshot, outlook) = try await watch.look(
                at: state.job(job).id, numbers: .none, asksAccounts: true)
            let analysis = try FailureAnalysis(
                snapshot, attempts: state.store.attempts(of: snapshot.job.id),
                endings: outlook.endings.isEmpty ? snapshot.withoutWithdrawn(snapshot.endings) : outlook.endings,
                hindrances: state.store.hindrances(of: snapshot.job.id),
                shortages: snapshot.counts.settled < snapshot.counts.total
                    ? StoragePlace(holding: state.cache.path).exhausted : [])
            return json ? try JSONText.encode(analysis) : analysis.text(style)
        }
        print(text, terminator: "")
    }
}
