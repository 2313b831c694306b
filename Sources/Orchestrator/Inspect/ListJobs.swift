import ArgumentParser
import Foundation
import JSON
import Orchestration
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
        let cache = try OpenStore.folder(environment)
        let state = try OpenStore(cache, environment: environment, for: .looking)
        await state?.recover()
        let jobs = try await failing { try state?.store.jobs() ?? [] }
        let remarks: [JobID: AgentsWatch.Remark] =
            if let state {
                await AgentsWatch(
                    cache: cache, slurm: SlurmCommands(environment: environment), store: state.store
                ).remarks(on: jobs)
            } else { [:] }
        if json {
            print(try JSONText.encode(JobListing(cache: cache.path, jobs: jobs, remarks: remarks)), terminator: "")
        } else if jobs.isEmpty {
            print(JobListing.nothing(in: cache))
        } else {
            let style = TerminalStyle.forStandardOutput(environment: environment)
            print(JobListing.lines(jobs, remarks, style).joined(separator: "\n"))
        }
        let problems = remarks.sorted { $0.key.rawValue < $1.key.rawValue }.compactMap { job, remark in
            remark.problem.map { "job \(job) \($0)" }
        }
        if !problems.isEmpty { throw Failure.failed(problems.joined(separator: "\n")) }
    }
}
