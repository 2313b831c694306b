import ArgumentParser
import JSON
import Orchestration
import Store

/// Requeues failed or cancelled runs.
struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Requeue failed and cancelled runs; they continue from their checkpoints.",
        discussion: """
            EXAMPLES
              orchestrator retry 7               every failed or cancelled run of job 7
              orchestrator retry 7 --failed      not the cancelled ones
              orchestrator retry 7 --run k3j9    this one
              orchestrator resume 7              then: agents for them, if none are running

            A run resumes from its last checkpoint. --run also starts a run that a search skipped because its target was reached.
            """)

    @Argument(help: "The job's number.", completion: CompletionWords.jobs)
    var job: Int64

    @Flag(help: "Only the failed ones.")
    var failed = false

    @Option(help: ArgumentHelp("Only this run, by its name or the beginning of it; repeatable.", valueName: "id"))
    var run: [String] = []

    @Flag(help: "Print the result as JSON.")
    var json = false

    private struct Report: Encodable {
        let job: Int64
        /// How many runs wait again.
        let retried: Int
        let agentsAtWork: Int
    }

    func validate() throws {
        if failed, !run.isEmpty { throw ValidationError("--failed and --run exclude each other") }
    }

    func run() async throws {
        let state = try await OpenStore.open(for: .changing)
        try await failing {
            let store = state.store
            let job = try store.job(JobID(rawValue: job))
            let count: Int
            if run.isEmpty {
                count = try store.retry(job.id, failed ? [.failed] : [.failed, .cancelled])
            } else {
                let runs = try run.map { try store.run(startingWith: $0.lowercased()) }
                try store.retry(runs, of: job.id)
                count = Set(runs).count
            }
            let alive = try store.agents(of: job.id).filter { $0.state != .ended && !$0.isGone(in: job) }
            if json {
                let report = Report(job: job.id.rawValue, retried: count, agentsAtWork: alive.count)
                return print(try JSONText.encode(report), terminator: "")
            }
            guard count > 0 else { return print("Job \(job.id): no run is \(failed ? "" : "cancelled or ")failed") }
            print("Job \(job.id): \(plural(count, "run")) \(count == 1 ? "waits" : "wait") again")
            if let halt = StandstillNotes.halt(of: job) { return print(halt) }
            if alive.isEmpty { print("No agent is at work on it: `orchestrator resume \(job.id)` starts some") }
        }
    }
}
