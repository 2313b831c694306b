import ArgumentParser
import JSON
import Orchestration
import Slurm
import Store

/// Changes how many agents work on a job.
struct Scale: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Set a job's number of agents: more start now, surplus ones end after their current runs.",
        discussion: """
            EXAMPLES
              orchestrator scale 7 16
              orchestrator scale 7 2      the others end after their current runs; no run is disturbed
              orchestrator scale 7 0      all of them

            Agents still waiting in SLURM's queue are removed first.
            """)

    @Argument(help: "The job's number.", completion: CompletionWords.jobs)
    var job: Int64

    @Argument(help: ArgumentHelp("How many agents.", valueName: "n"))
    var count: Int

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        if !(0...100_000).contains(count) { throw ValidationError("n is \(count); it takes 0 to 100000") }
    }

    func run() async throws {
        Interruption.listen()
        let state = try await OpenStore.open(for: .changing)
        let slurm = SlurmCommands(environment: state.environment)
        try await failing {
            let job = try state.store.job(JobID(rawValue: job))
            let launch = AgentLaunch(
                job: job, store: state.store, cache: state.cache, environment: state.environment, slurm: slurm)
            let result = try await JobScaling(launch: launch, count: count).perform()
            for warning in result.warnings { printError(warning) }
            print(json ? try JSONText.encode(result) : result.text + "\n", terminator: "")
        }
    }
}
