import ArgumentParser
import Foundation
import JSON
import Jobs
import Orchestration
import Slurm
import Store

/// Shows jobs, agents and runs.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show jobs, their agents and every run.",
        discussion: """
            EXAMPLES
              orchestrator status               all jobs, and the latest one in detail
              orchestrator status 7             job 7: agents, and each run's state, step, losses
              orchestrator status 7 --watch     full screen until it is finished: arrows scroll, s sorts, q quits
              orchestrator status 7 --json
              orchestrator status 7 --runs --where 'state=failed' --sort node --columns node,lr,error
              orchestrator status 7 --runs --group-by lr
              orchestrator status 7 --cost
              until orchestrator status 7 >/dev/null || [ $? -ne 3 ]; do sleep 60; done

            EXIT CODES (for the given job, else the latest): 0 every run is done or was stopped early, 3 it is
            still running, 1 it is over and some runs failed or were cancelled, 2 there is no job.
            """)

    @Argument(help: "The job's number (default: the latest job).", completion: CompletionWords.jobs)
    var job: Int64?

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Show every run; by default, large jobs show the most interesting ones.")
    var runs = false

    @Flag(help: "Show what it cost: core-hours, times, memory, efficiency of runs, agents, nodes and the job.")
    var cost = false

    @OptionGroup
    var options: QueryOptions

    @Flag(help: "Query SLURM now, however recent its last answer.")
    var refresh = false

    @Flag(help: "Keep showing it until the job is finished.")
    var watch = false

    func validate() throws {
        if cost, watch || runs { throw ValidationError("--cost excludes --watch and --runs") }
        if json, watch { throw ValidationError("--json and --watch exclude each other") }
        if runs, watch {
            throw ValidationError("--watch shows as many runs as the window holds; leave out --runs, or --watch")
        }
        let asked = [options.condition, options.sort, options.groupBy, options.columns]
        if !runs, asked.contains(where: { $0 != nil }) {
            throw ValidationError("--where, --sort, --group-by and --columns choose among runs; add --runs")
        }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let query = try options.query()
        let cache = try OpenStore.folder(environment)
        guard let state = try OpenStore(cache, environment: environment, for: .looking) else {
            if let job {
                throw Failure.badInput("there is no job \(job): nothing was ever submitted to \(cache.path)")
            }
            throw try nothing(in: cache)
        }
        let store = state.store
        await state.recover()
        let slurm = SlurmCommands(environment: environment)
        let latest = try await failing { try store.jobs() }.last?.job.id
        guard let shown = job.map(JobID.init) ?? latest else { throw try nothing(in: cache) }
        if watch {
            Interruption.listen()
            return try await Watch(job: shown, store: store, cache: cache, slurm: slurm, stopsAgents: false).run()
        }
        if cost {
            let report = try await failing { try await CostReport(of: shown, in: store, slurm: slurm) }
            let style = TerminalStyle.forStandardOutput(environment: environment)
            if json, let problem = report.problem { printError(problem) }
            return print(
                try await failing { json ? try JSONText.encode(report.report) : report.text(style) }, terminator: "")
        }
        let number = job.map(JobID.init)
        let style = TerminalStyle.forStandardOutput(environment: environment)
        let (text, counts) = try await failing {
            let agents = AgentsWatch(cache: cache, slurm: slurm, store: store)
            return json
                ? try await self.json(runs && !query.isNone ? shown : number, store, cache, agents, query)
                : try await self.text(number, store, cache, agents, style, query)
        }
        print(text, terminator: "")
        if let code = counts?.exitCode { throw code }
    }

    /// Says that there is no job: a script that asks how a job stands has asked in the wrong folder.
    private func nothing(in cache: CacheFolder) throws -> any Error {
        guard json else { return Failure.badInput("no job has been submitted to \(cache.path) yet") }
        print(try JSONText.encode(JobListing(cache: cache.path, jobs: [])), terminator: "")
        return ExitCode(Failure.badInput)
    }

    private func json(
        _ job: JobID?, _ store: Store, _ cache: CacheFolder, _ agents: AgentsWatch, _ query: RunQuery
    ) async throws -> (String, RunCounts?) {
        if let job {
            let (snapshot, outlook) = try await agents.look(at: job, refresh: refresh, asksAccounts: true)
            let selection = query.isNone ? nil : try RunSelection(query, of: snapshot, in: store)
            let report = try JobReport(snapshot, outlook, selection)
            return (try JSONText.encode(JobListing(cache: cache.path, jobs: [report])), snapshot.counts)
        }
        let jobs = try store.jobs()
        return (
            try JSONText.encode(JobListing(cache: cache.path, jobs: jobs, remarks: await agents.remarks(on: jobs))),
            jobs.last?.counts
        )
    }

    private func text(
        _ job: JobID?, _ store: Store, _ cache: CacheFolder, _ agents: AgentsWatch, _ style: TerminalStyle,
        _ query: RunQuery
    ) async throws -> (String, RunCounts?) {
        let jobs = job == nil ? try store.jobs() : []
        guard let shown = job ?? jobs.last?.job.id else { throw try nothing(in: cache) }
        var lines = jobs.count > 1 ? JobListing.lines(jobs, await agents.remarks(on: jobs), style) + [""] : []
        let limit = runs ? Int.max : Self.runsInView
        let (snapshot, outlook) = try await agents.look(
            at: shown, runsAtMost: limit, numbers: query.isNone ? .named(StatusText.shows) : .all, refresh: refresh,
            asksAccounts: true)
        let selection = query.isNone ? nil : try RunSelection(query, of: snapshot, in: store)
        lines += try StatusText(snapshot: snapshot, outlook: outlook, style: style)
            .lines(runsAtMost: limit, selection)
        return (lines.joined(separator: "\n") + "\n", snapshot.counts)
    }

    private static let runsInView = 40
}

extension RunCounts {
    /// What a command that shows a job ends with: `nil` when every run is done, or stopped early as its search is to do.
    var exitCode: ExitCode? {
        if settled < total { return ExitCode(3) }
        return self[.done] + self[.stopped] == total ? nil : ExitCode(Failure.failed)
    }
}
