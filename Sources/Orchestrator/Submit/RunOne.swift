import ArgumentParser
import Experiments
import Foundation
import Orchestration
import Store

/// Trains one spec in the foreground.
struct RunOne: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Train one spec in the foreground, without a job, with live progress.",
        discussion: """
            EXAMPLES
              orchestrator run tms_5-2 --steps 500
              orchestrator run my_config.yaml --set lr=0.01 --set task_config.feature_probability=0.1
              orchestrator run --spec k3j9 --set seed=1      a run's spec again, with another seed
              orchestrator run tms_5-2 --steps 500 --out here

            It leaves the same files as any run. ^C saves the state; the same command with --out resumes from there. Keys may
            be shortened to their last part. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.
            """)

    @Argument(
        help: ArgumentHelp("An experiment by name, or your own YAML file.", valueName: "experiment"),
        completion: .list(Registry.allNames))
    var experiment: String?

    @Option(
        help: ArgumentHelp("This run's spec instead of an experiment.", valueName: "run"),
        completion: CompletionWords.runs)
    var spec: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Set a config key to a value; repeatable.", valueName: "key=value"))
    var settings: [String] = []

    @Option(help: ArgumentHelp("How many steps: short for --set steps=n.", valueName: "n"))
    var steps: Int?

    @Option(
        help: ArgumentHelp(
            "The folder for its files (default: a new one in SPD_CACHE_DIR/trials).", valueName: "folder"))
    var out: String?

    @Option(help: ArgumentHelp("Threads (default: all cores).", valueName: "n"))
    var threads: Int?

    @Flag(help: "Log it to W&B, like a job's runs.")
    var wandb = false

    func validate() throws {
        if (experiment == nil) == (spec == nil) {
            throw ValidationError("name an experiment, or a run with --spec; one of them")
        }
        if let steps, steps < 1 { throw ValidationError("--steps is \(steps); it takes 1 or more") }
        if let threads, threads < 1 { throw ValidationError("--threads is \(threads); it takes 1 or more") }
        if out?.isEmpty == true { throw ValidationError("--out is empty; it takes a folder") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let cache = try OpenStore.folder(environment)
        let settings = settings + (steps.map { ["steps=\($0)"] } ?? [])
        let trial: ForegroundTrial
        if let spec {
            let store = try await OpenStore.open(for: .looking).store
            let (known, job) = try await failing {
                let known = try store.spec(of: store.run(startingWith: spec.lowercased()))
                guard known.knownConfig == known.config else {
                    throw Failure.badInput(
                        "run \(known.run) has no settings yet: its search chooses them when an agent begins it")
                }
                return (known, try store.job(store.run(known.run).job).folder)
            }
            trial = try ForegroundTrial(of: known, settings: settings, of: job, into: out, cache: cache)
        } else {
            trial = try ForegroundTrial(
                of: experiment ?? "", settings: settings, into: out, cache: cache, environment: environment)
        }
        print("Files: \(trial.folder)")
        fflush(nil)
        try trial.perform(threads: threads, isTracked: wandb, cache: cache, environment: environment)
    }
}
