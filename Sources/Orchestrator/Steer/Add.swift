import ArgumentParser
import Experiments
import JSON
import Orchestration
import Store

/// Adds specs to a job.
struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Add specs to a job, whether it is running or over.",
        discussion: """
            EXAMPLES
              orchestrator add 7 --sweep more.yaml
              orchestrator add 7 --sweep more.yaml --experiments my_config.yaml
              orchestrator add 7 --set seed=5
              orchestrator resume 7        then, if no agents are running any more

            Specs that the job already has are skipped. Experiments are the job's, unless others of its kind are named.
            The settings of `submit --set` apply to these specs too, unless --set or the sweep overrides them, and so
            does its --sweep-seed.
            """)

    @Argument(help: "The job's number.", completion: CompletionWords.jobs)
    var job: Int64

    @Option(
        help: ArgumentHelp("Sweep over the parameters in this file.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml", "json"]))
    var sweep: String?

    @Option(
        help: ArgumentHelp("Experiments by name, or your own YAML files (default: the job's).", valueName: "a,b"),
        completion: .list(Registry.allNames))
    var experiments: [String] = []

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Set a config key to this value in every spec; repeatable.", valueName: "key=value"))
    var settings: [String] = []

    @OptionGroup var search: SweepOptions

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        if sweep == nil, settings.isEmpty, experiments.isEmpty {
            throw ValidationError("nothing to add: name a sweep with --sweep, or settings with --set")
        }
        try search.validate(sweep: sweep)
    }

    func run() async throws {
        let state = try await OpenStore.open(for: .changing)
        let result = try await failing {
            let stored = try state.store.job(JobID(rawValue: job))
            let addition = try Addition(
                to: stored, experiments: experiments, sweep: sweep, settings: settings,
                samples: search.samples, seed: search.sweepSeed, in: state)
            for doubt in addition.doubts { printError(doubt) }
            return try addition.perform()
        }
        if json { return print(try JSONText.encode(result), terminator: "") }
        let known = result.known > 0 ? "; \(result.known) it has already" : ""
        let kept = result.kept.isEmpty ? "" : ", with \(result.kept.joined(separator: " ")) as at its submission"
        print("Job \(job): \(plural(result.added, "spec")) added\(kept)\(known)")
        if result.added > 0, result.isHeld {
            print("It is held: `orchestrator release \(job)` lets it go on")
        }
        if result.added > 0, result.agentsAtWork == 0 {
            print("No agent is at work on it: `orchestrator resume \(job)` starts some")
        }
    }
}
