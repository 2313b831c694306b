import ArgumentParser
import Foundation
import Slurm
import Store

/// Shows jobs, agents and runs.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show jobs, their agents and every run.",
        discussion: """
            EXAMPLES
              orchestrator status               all jobs, and the latest one in detail
              orchestrator status 7             job 7: agents, and each run's state, step, losses
              orchestrator status 7 --watch     until it is finished; ^C leaves the agents running
              orchestrator status 7 --json
            """)

    @Argument(help: "The job's number (default: the latest job).")
    var job: Int64?

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Go on showing until the job is finished.")
    var watch = false

    func validate() throws {
        if json, watch { throw ValidationError("--json and --watch exclude each other") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let cache = CacheFolder(environment: environment)
        guard let store = try await failing({ try Store.existing(cache) }) else {
            if let job {
                throw Failure.badInput("there is no job \(job): nothing was ever submitted to \(cache.path)")
            }
            print(
                json ? try JSONText.encode(Listing(cache: cache.path, jobs: [])) : Self.nothing(in: cache),
                terminator: "")
            return
        }
        let number = job.map(JobID.init)
        if watch {
            let latest = try await failing { try store.jobs() }.last?.job.id
            guard let watched = number ?? latest else {
                print(Self.nothing(in: cache), terminator: "")
                return
            }
            Interruption.listen()
            return try await Watch(job: watched, store: store, slurm: SlurmCommands(environment: environment))
                .run()
        }
        if json {
            return print(try await failing { try Self.json(number, store, cache) }, terminator: "")
        }
        let style = Style.forStandardOutput(environment: environment)
        let lines = try await failing { try Self.text(number, store, cache, style) }
        print(lines.joined(separator: "\n"))
    }

    /// What `--json` prints: an object that holds the jobs.
    private struct Listing: Encodable {
        let cache: String
        let jobs: [JobReport]
    }

    private static func nothing(in cache: CacheFolder) -> String {
        "No job has been submitted to \(cache.path) yet; `orchestrator submit --help` shows how.\n"
    }

    private static func json(_ job: JobID?, _ store: Store, _ cache: CacheFolder) throws -> String {
        let jobs =
            if let job {
                [try JobReport(store.snapshot(of: job))]
            } else {
                try store.jobs().map(JobReport.init)
            }
        return try JSONText.encode(Listing(cache: cache.path, jobs: jobs))
    }

    private static func text(
        _ job: JobID?, _ store: Store, _ cache: CacheFolder, _ style: Style
    ) throws -> [String] {
        if let job { return try StatusText(snapshot: store.snapshot(of: job), style: style).lines() }
        let jobs = try store.jobs()
        guard let latest = jobs.last else { return [nothing(in: cache)] }
        var lines: [String] = []
        if jobs.count > 1 {
            var table = TextTable([
                ("JOB", .right), ("NAME", .left), ("EXECUTOR", .left), ("AGENTS", .right), ("RUNS", .left),
            ])
            for summary in jobs {
                table.add([
                    .init(summary.job.id.description), .init(summary.job.token),
                    .init(summary.job.executor.rawValue), .init(String(summary.runningAgents)),
                    .init(StatusText.counts(summary.counts)),
                ])
            }
            lines += table.lines(style) + [""]
        }
        let detail = StatusText(snapshot: try store.snapshot(of: latest.job.id), style: style)
        return lines + (try detail.lines(runsAtMost: 40))
    }
}
