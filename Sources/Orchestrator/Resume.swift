import ArgumentParser
import Foundation
import Slurm
import Store

/// Starts more agents for what is left of a job.
struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start more agents for what is left of a job.",
        discussion: """
            EXAMPLES
              orchestrator resume 7                 as many as are missing
              orchestrator resume 7 --n-agents 4    four more
              orchestrator retry 7                  before it: failed and cancelled runs once more

            They run the worker that the job was submitted with, in the folder it was submitted from.
            """)

    @Argument(help: "The job's number.")
    var job: Int64

    @Option(
        name: [.customLong("n-agents"), .customLong("n_agents")],
        help: ArgumentHelp("How many more agents (default: those missing from the first number).", valueName: "n"))
    var agentCount: Int?

    @Option(
        help: ArgumentHelp("Nodes of SLURM's that agents must not use: n17,n[20-22].", valueName: "nodes"))
    var exclude: String?

    @Flag(help: "Then watch the job until it is finished; ^C leaves the agents running.")
    var watch = false

    func validate() throws {
        if let agentCount, agentCount < 1 {
            throw ValidationError("--n-agents is \(agentCount); it takes 1 or more")
        }
        try NodeList.validate(exclude)
    }

    func run() async throws {
        Interruption.listen()
        let state = try State()
        let slurm = SlurmCommands(environment: state.environment)
        let id = JobID(rawValue: job)
        let job = try await failing { try state.store.job(id) }
        let resumption = Resumption(
            launch: AgentLaunch(
                job: job, store: state.store, cache: state.cache, environment: state.environment, slurm: slurm),
            wanted: agentCount, exclude: exclude)
        let result = try await resumption.start()
        for warning in result.warnings { printError(warning) }
        print(result.text)
        if watch {
            fflush(nil)
            try await Watch(job: id, store: state.store, slurm: slurm).run()
        }
    }
}

/// More agents for a job that is stored already.
struct Resumption {
    let launch: AgentLaunch
    /// How many; `nil` for as many as are missing.
    let wanted: Int?
    /// Nodes that SLURM must not use.
    let exclude: String?

    private var job: Job { launch.job }

    /// Starts them.
    func start() async throws(Failure) -> (text: String, warnings: [String]) {
        do {
            let open = try launch.store.openWork(of: job.id)
            guard !open.isNone else {
                throw Failure.badInput(
                    "job \(job.id) has nothing left to do; `orchestrator retry \(job.id)` puts failed and "
                        + "cancelled runs back")
            }
            guard access(JobFolder.Layout(path: job.folder).worker, X_OK) == 0 else {
                throw Failure.failed("the job's worker \(JobFolder.Layout(path: job.folder).worker) is gone")
            }
            switch job.executor {
            case .local:
                try NodeList.check(exclude, executor: .local)
                return try startLocally(open)
            case .slurm: return try await startOnSlurm(open)
            }
        } catch {
            throw Failure(error)
        }
    }

    private func startLocally(_ open: OpenWork) throws -> (text: String, warnings: [String]) {
        let alive = try launch.store.agents(of: job.id).filter { $0.state != .ended && !$0.isGone(in: job) }
        let count = try count(atWork: alive.count, open)
        guard FileManager.default.changeCurrentDirectoryPath(launch.workingFolder) else {
            throw Failure.failed("cannot go to \(launch.workingFolder), where the job's agents run")
        }
        let agents = try launch.store.addAgents(count, to: job.id)
        do {
            let warnings = try launch.startLocally(agents)
            return (text(count, open, place: "here"), warnings)
        } catch {
            for agent in agents { try launch.store.agentEnded(agent.id, reason: "could not be started") }
            throw error
        }
    }

    private func startOnSlurm(_ open: OpenWork) async throws -> (text: String, warnings: [String]) {
        let entries = try await launch.slurm.queue(named: job.token)
        let atWork = entries.filter { !$0.state.isFinal }
        if job.submission != .submitted, let found = atWork.first {
            // sbatch had done its work, though nobody could tell.
            try launch.store.markSubmitted(job.id, slurmJobID: found.arrayJob.rawValue)
        }
        let count = try count(atWork: atWork.count, open)
        let layout = JobFolder.Layout(path: job.folder)
        let script = try AgentLaunch.script(
            for: job.id, named: job.token, agentCount: count, excluding: exclude, in: launch.workingFolder,
            layout: layout,
            cache: launch.cache)
        let file = layout.laterScript(unique: UUID().uuidString)
        try Files.makeFolder(layout.logs)
        try Files.write(script.text, to: file)
        let warnings = try await launch.startOnSlurm(
            scriptAt: file, besides: Set(entries.map(\.arrayJob)))
        return (text(count, open, place: "in SLURM's queue"), warnings)
    }

    private func count(atWork: Int, _ open: OpenWork) throws(Failure) -> Int {
        if let wanted { return wanted }
        let missing = min(job.agentCount, open.pending + open.running) - atWork
        guard missing > 0 else {
            throw .badInput(
                "\(plural(atWork, "agent")) of job \(job.id) \(atWork == 1 ? "is" : "are") at work or waiting; "
                    + "--n-agents N starts more")
        }
        return missing
    }

    private func text(_ count: Int, _ open: OpenWork, place: String) -> String {
        "Job \(job.id): \(plural(count, "agent")) started \(place) for \(plural(open.pending, "waiting run")) and "
            + "\(open.running) that \(open.running == 1 ? "is" : "are") held\n"
            + "Status: orchestrator status \(job.id) --watch"
    }
}
