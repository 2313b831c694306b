import ArgumentParser
import Foundation
import JSON
import Orchestration
import Store

/// Makes a job's pages on W&B.
struct Report: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Create or update a job's pages on W&B: project, workspaces, report.",
        discussion: """
            EXAMPLES
              orchestrator report        for the latest job
              orchestrator report 7      for job 7
              orchestrator report 7 --json

            `submit` does this if there is a W&B key; this command catches up on what failed
            then. Existing pages are updated, so repeating it is safe.
            """)

    @Argument(help: "The job's number (default: the latest job).", completion: CompletionWords.jobs)
    var job: Int64?

    @Flag(help: "Print the links as JSON.")
    var json = false

    /// How long the server may take in all.
    private static let limit = Duration.seconds(120)

    func run() async throws {
        Interruption.listen()
        let state = try await OpenStore.open(for: .changing)
        let job = try await failing { try state.job(self.job) }
        let pages = JobPages(job: job, store: state.store, environment: state.environment)
        let links = try await failing { try pages.makeAgain(limit: Self.limit) }
        print(
            json
                ? try JSONText.encode(links.map(JobReport.LinkReport.init))
                : links.map { $0.line + "\n" }.joined(), terminator: "")
    }
}
