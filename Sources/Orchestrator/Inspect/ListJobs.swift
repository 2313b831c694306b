import ArgumentParser
import Foundation
import Slurm
import Store

/// Lists the jobs.
struct ListJobs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List all jobs, one line each.",
        discussion: """
            EXAMPLES
              orchestrator list
              orchestrator list --json
            """)

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let cache = try State.folder(environment)
        let state = try State(cache, environment: environment, for: .looking)
        await state?.recover()
        let jobs = try await failing { try state?.store.jobs() ?? [] }
        let stalls: [JobID: String] =
            if let state {
                await AgentsWatch(
                    cache: cache, slurm: SlurmCommands(environment: environment), store: state.store
                ).stalls(of: jobs)
            } else { [:] }
        if json {
            return print(
                try JSONText.encode(JobListing(cache: cache.path, jobs: jobs, stalls: stalls)), terminator: "")
        }
        guard !jobs.isEmpty else { return print(JobListing.nothing(in: cache)) }
        let style = Style.forStandardOutput(environment: environment)
        print(JobListing.lines(jobs, stalls, style).joined(separator: "\n"))
    }
}

/// Jobs as `--json` prints them.
struct JobListing: Encodable {
    let cache: String
    let jobs: [JobReport]

    init(cache: String, jobs: [JobReport]) {
        self.cache = cache
        self.jobs = jobs
    }

    init(cache: String, jobs: [JobSummary], stalls: [JobID: String]) {
        self.init(cache: cache, jobs: jobs.map { JobReport($0, stalled: stalls[$0.job.id]) })
    }

    static func nothing(in cache: CacheFolder) -> String {
        "No job has been submitted to \(cache.path) yet; `orchestrator submit --help` shows how."
    }

    /// Jobs as people read them; `stalls` says why nobody works on some of them.
    static func lines(_ jobs: [JobSummary], _ stalls: [JobID: String], _ style: Style) -> [String] {
        var table = TextTable([
            ("JOB", .right), ("NAME", .left), ("SUBMITTED", .left), ("EXECUTOR", .left), ("AGENTS", .right),
            ("RUNS", .left), ("", .left),
        ])
        for summary in jobs {
            let created = Date(timeIntervalSince1970: summary.job.created.rawValue.rounded(.down))
            table.add([
                .init(summary.job.id.description), .init(summary.job.token), .init(created.ISO8601Format()),
                .init(summary.job.executor.rawValue), .init(String(summary.runningAgents)),
                .init(StatusText.counts(summary.counts)),
                .init(stalls[summary.job.id].map { "! nobody works on it: " + $0 } ?? "", .yellow),
            ])
        }
        return table.lines(style)
    }
}
