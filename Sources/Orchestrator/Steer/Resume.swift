import ArgumentParser
import Foundation
import JSON
import Jobs
import Orchestration
import Slurm
import Store

/// Starts more agents for the remaining runs of a job.
struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Start agents for a job's remaining runs.",
        discussion: """
            EXAMPLES
              orchestrator resume 7                 as many as are missing
              orchestrator resume 7 --n-agents 4    four more
              orchestrator resume 7 --exclude n17 --time 8:00:00
              orchestrator retry 7                  first: requeue failed and cancelled runs

            A job that stopped after failures (submit --fail-fast) hands out specs again. Agents run the worker that the job was submitted with, in the folder it was submitted from.
            """)

    @Argument(help: "The job's number.", completion: CompletionWords.jobs)
    var job: Int64

    @OptionGroup var agents: AgentOptions

    @Flag(help: "SLURM: start agents even if they are likely to end like those before them.")
    var anyway = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    @Flag(help: "Then watch the job until it is finished; ^C stops local agents (they save), never SLURM's.")
    var watch = false

    private struct Report: Encodable {
        let job: Int64
        /// How many agents were started, or queued.
        let agents: Int
        let warnings: [String]
    }

    func validate() throws {
        if json, watch { throw ValidationError("--json and --watch exclude each other") }
    }

    func run() async throws {
        Interruption.listen()
        let state = try await OpenStore.open(for: .changing)
        let slurm = SlurmCommands(environment: state.environment)
        let id = JobID(rawValue: job)
        let job = try await failing { try state.store.job(id) }
        let open = try await failing { try state.store.openWork(of: id) }
        var request = AgentRequest(
            agentCount: 1, options: try agents.resuming(job), coresFollow: agents.cpusPerTask == nil)
        if agents.slots != nil, !open.isNone, let note = request.limitSlots(to: open.pending + open.running) {
            printError(note)
        }
        let options = request.options
        if job.executor == .slurm {
            if let note = AgentOptions.unheededVariables(state.environment) { printError(note) }
            let watch = AgentsWatch(cache: state.cache, slurm: slurm, store: state.store)
            let (snapshot, outlook) = try await failing { try await watch.look(at: id, asksAccounts: true) }
            switch await Resumption.recurrence(outlook, snapshot, options, slurm) {
            case .certain(let reason) where !anyway: throw Failure.failed(reason)
            case .certain(let note), .likely(let note): printError(note)
            case nil: break
            }
        }
        if let note = try request.checkThreads(job.executor) { printError(note) }
        let resumption = Resumption(
            launch: AgentLaunch(
                job: job, store: state.store, cache: state.cache, environment: state.environment, slurm: slurm),
            wanted: agents.agentCount, options: options)
        if let reason = try await failing({ try state.store.lift(id) }) {
            printError("job \(id) hands out specs again; it had stopped: \(reason)")
        }
        let result = try await resumption.start()
        for warning in result.warnings { printError(warning) }
        if json {
            let report = Report(job: id.rawValue, agents: result.agents, warnings: result.warnings)
            return print(try JSONText.encode(report), terminator: "")
        }
        print(result.text)
        if watch {
            fflush(nil)
            try await Watch(job: id, store: state.store, cache: state.cache, slurm: slurm, stopsAgents: true).run()
        }
    }
}
