import ArgumentParser
import Experiments
import Foundation
import Slurm
import Store

/// Stores a job and starts its agents.
struct Submit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Store a sweep's specs as one job and start agents that share them.",
        discussion: """
            EXAMPLES
              orchestrator submit --experiments tms_5-2,tms_40-10
              orchestrator submit --experiments my_config.yaml --sweep my.yaml
              orchestrator submit --sweep --n-agents 8 --watch
              orchestrator submit --sweep --dry-run    what would be run, and how
              orchestrator submit --sweep search.yaml --samples 50 --sweep-seed 1

            Agents take specs until none is left; they go on when this terminal is closed.
            """)

    @Option(
        help: ArgumentHelp(
            "Experiments by name, or YAML files of your own, separated by commas (default: all).",
            valueName: "a,b"),
        completion: .list(Registry.names))
    var experiments: String?

    @Option(
        help: ArgumentHelp(
            "Sweep over the parameters in this file; without a file: \(Spelling.defaultSweepFile).",
            valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var sweep: String?

    @OptionGroup var search: SweepOptions

    @Option(
        name: [.customLong("n-agents"), .customLong("n_agents")],
        help: ArgumentHelp("How many agents share the specs.", valueName: "n"))
    var agentCount = 1

    @Flag(help: "Train on CPUs; that is always so, the published tool's flag is accepted.")
    var cpu = false

    @Option(
        name: [.customLong("job-suffix"), .customLong("job_suffix")],
        help: ArgumentHelp("Add this to the job's name.", valueName: "s"))
    var suffix: String?

    @Option(help: ArgumentHelp("The W&B project of the runs (default: the configs').", valueName: "p"))
    var project: String?

    @Option(help: "Who starts the agents; auto is slurm where its controller answers.")
    var executor = ExecutorOption.auto

    @Option(
        help: ArgumentHelp("Nodes of SLURM's that agents must not use: n17,n[20-22].", valueName: "nodes"))
    var exclude: String?

    @Flag(
        name: [.customLong("create-report"), .customLong("create_report")], inversion: .prefixedNo,
        help: "Create a W&B report of the job (default: where there is a W&B key).")
    var createReport: Bool?

    @Flag(help: "Check everything, show what would be stored and started and what it costs, and stop.")
    var dryRun = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    @Flag(help: "Then watch the job until it is finished; ^C leaves the agents running.")
    var watch = false

    func validate() throws {
        guard agentCount >= 1 else {
            throw ValidationError("--n-agents is \(agentCount); a job needs at least 1 agent")
        }
        // With what is put around it the name must fit into a W&B tag, of 64 characters.
        if let suffix, suffix.isEmpty || suffix.count > 48 || !suffix.utf8.allSatisfy(Self.isNameByte) {
            throw ValidationError(
                "--job-suffix '\(suffix)' may hold up to 48 letters, digits, '.', '_' and '-'")
        }
        try NodeList.validate(exclude)
        try search.validate(sweep: sweep)
        if json, watch { throw ValidationError("--json and --watch exclude each other") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        Interruption.listen()
        let plan = try SweepPlan(
            experiments: experiments, sweep: sweep, sampling: search.sampling, project: project)
        let slurm = SlurmCommands(environment: environment)
        let executor = try await Executor.choose(executor, slurm: slurm)
        try NodeList.check(exclude, executor: executor.kind)
        let submission = Submission(
            plan: plan, cache: CacheFolder(environment: environment), environment: environment,
            executor: executor, slurm: slurm,
            token: Submission.token(suffix: suffix), suffix: suffix, project: project,
            agentCount: agentCount, exclude: exclude, createReport: createReport ?? true)
        if dryRun {
            let bill = try submission.bill()
            let style = Style.forStandardOutput(environment: environment)
            print(json ? try submission.previewJSON(bill) : try submission.preview(bill, style), terminator: "")
            return
        }
        try RemoteTargets(cache: submission.cache, environment: environment).fetch(plan.remoteTargets)
        let started = try await submission.start()
        for warning in started.warnings { printError(warning) }
        if !json {
            print(started.text(), terminator: "")
            fflush(nil)
        }
        // The agents are on their way; what W&B says or doesn't can change nothing about that.
        let pages = JobPages(job: started.snapshot.job, store: started.store, environment: environment)
        let links = pages.makeAfterSubmission(isReportAskedFor: createReport == true)
        print(json ? try started.json() : links.map { $0.line + "\n" }.joined(), terminator: "")
        if watch {
            fflush(nil)
            try await Watch(job: started.snapshot.job.id, store: started.store, slurm: slurm).run()
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "._-".utf8.contains(byte)
        }
    }
}
