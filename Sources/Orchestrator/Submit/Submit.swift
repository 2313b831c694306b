import ArgumentParser
import Experiments
import Foundation
import Orchestration
import Slurm
import Store

/// Stores a job and starts its agents.
struct Submit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Store a sweep's specs as one job and start agents that share them.",
        discussion: """
            EXAMPLES
              orchestrator submit --experiments tms_5-2,tms_40-10
              orchestrator submit --experiments my_config.yaml --sweep my.yaml
              orchestrator submit --sweep --n-agents 8 --watch
              orchestrator submit --experiments tms_5-2 --set steps=1000 --set task_config.feature_probability=0.1
              orchestrator submit --sweep --dry-run    what would run, and how
              orchestrator submit --sweep search.yaml --samples 50 --sweep-seed 1
              orchestrator submit --sweep --n-agents 4 --slots 8 --time 4:00:00 --partition cpu

            SLURM options may also be set in SPD_CACHE_DIR/site.yaml and in SBATCH_ variables.

            Agents take specs until none are left; they keep running when this terminal is closed.
            """)

    @Option(
        help: ArgumentHelp(
            "Experiments by name, or your own YAML files, separated by commas; repeatable (default: all).",
            valueName: "a,b"),
        completion: .list(Registry.allNames))
    var experiments: [String] = []

    @Option(
        help: ArgumentHelp(
            "Sweep over the parameters in this file; without a file: \(SweepPlan.defaultSweepFile).",
            valueName: "file"),
        completion: .file(extensions: ["yaml", "yml", "json"]))
    var sweep: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Set a config key to this value in every spec; repeatable.", valueName: "key=value"))
    var settings: [String] = []

    @OptionGroup var search: SweepOptions

    @OptionGroup var agents: AgentOptions

    @Option(
        name: [.customLong("max-retries"), .customLong("max_retries")],
        help: ArgumentHelp("How often to retry a run after a failure that may be temporary.", valueName: "n"))
    var maxRetries = 1

    @Option(
        name: [.customLong("on-finish"), .customLong("on_finish")],
        help: ArgumentHelp(
            "A shell command to run once when the job is over; SPD_SUMMARY names the summary.",
            valueName: "command"))
    var onFinish: String?

    @Option(
        name: [.customLong("on-failure"), .customLong("on_failure")],
        help: ArgumentHelp(
            "A shell command that receives failures as JSON on its standard input, at most once a minute.",
            valueName: "command"))
    var onFailure: String?

    @Option(
        name: [.customLong("fail-fast"), .customLong("fail_fast")],
        help: ArgumentHelp(
            "Hand out no more specs once the first k runs all failed for one cause; 0 for never.", valueName: "k"))
    var failFast = 10

    @Option(
        help: ArgumentHelp("Start when nothing of this job is left.", valueName: "job"),
        completion: CompletionWords.jobs)
    var after: Int64?

    @Option(
        name: [.customLong("max-running"), .customLong("max_running")],
        help: ArgumentHelp("Train at most n runs at once, however many agents there are.", valueName: "n"))
    var maxRunning: Int?

    @Flag(
        name: [.customLong("upload-checkpoints"), .customLong("upload_checkpoints")],
        help: "Also upload the intermediate weights that runs save (save_freq) to W&B.")
    var uploadCheckpoints = false

    @Flag(
        name: [.customLong("no-upload-model"), .customLong("no_upload_model")],
        help: "Do not upload the runs' final weights to W&B, to save space there.")
    var keepModel = false

    @Flag(help: "Train on CPUs: always the case; accepted for compatibility with the published tool.")
    var cpu = false

    @Option(
        name: [.customLong("job-suffix"), .customLong("job_suffix")],
        help: ArgumentHelp("Add this to the job's name.", valueName: "s"))
    var suffix: String?

    @Option(help: ArgumentHelp("The runs' W&B project (default: the configs').", valueName: "p"))
    var project: String?

    @Option(help: "Who starts the agents; auto means slurm if it is set up.")
    var executor = ExecutorOption.auto

    @Flag(
        name: [.customLong("create-report"), .customLong("create_report")], inversion: .prefixedNo,
        help: "Create a W&B report of the job (default: if there is a W&B key).")
    var createReport: Bool?

    @Flag(help: "Check everything, show what would be stored and started and its cost, then stop.")
    var dryRun = false

    @Flag(
        help: "Don't ask on a terminal before starting all experiments.")
    var yes = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    @Flag(help: "Then watch the job until it is finished; ^C stops local agents (they save), never SLURM's.")
    var watch = false

    func validate() throws {
        if maxRetries < 0 { throw ValidationError("--max-retries is \(maxRetries); it takes 0 or more") }
        if failFast < 0 { throw ValidationError("--fail-fast is \(failFast); it takes 0 or more") }
        if let maxRunning, maxRunning < 1 {
            throw ValidationError("--max-running is \(maxRunning); it takes 1 or more")
        }
        if onFailure?.isEmpty == true { throw ValidationError("--on-failure is empty; it takes a shell command") }
        if onFinish?.isEmpty == true { throw ValidationError("--on-finish is empty; it takes a shell command") }
        if let suffix { try Secrets.validate(suffix, as: "--job-suffix", isName: true) }
        // With its surroundings, the name must fit into a W&B tag of 64 characters.
        if let suffix, suffix.isEmpty || suffix.count > 48 || !suffix.utf8.allSatisfy(Self.isNameByte) {
            throw ValidationError(
                "--job-suffix '\(suffix)' may hold up to 48 letters, digits, '.', '_' and '-'")
        }
        try search.validate(sweep: sweep)
        if json, watch { throw ValidationError("--json and --watch exclude each other") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        Interruption.listen()
        let cache = try OpenStore.folder(environment)
        let secrets = try refuseKeys(environment)
        let plan = try SweepPlan(
            experiments: experiments, sweep: sweep, settings: settings, sampling: search.sampling,
            seed: search.sweepSeed, project: project, runs: cache.runs)
        try plan.refuse(secrets)
        for doubt in plan.doubts { printError(doubt) }
        let slurm = SlurmCommands(environment: environment)
        let site = try SiteFile.read(cache: cache)
        let executor = try await Executor.choose(
            executor, slurm: slurm, isSlurmExpected: agents.speaksOfSlurm(site: site, environment: environment))
        var request = try agents.request(site: site, environment: environment, executor: executor.kind)
        if executor.kind == .slurm, let note = AgentOptions.unheededVariables(environment) { printError(note) }
        if let note = request.limitSlots(to: plan.specs.count), agents.slots != nil { printError(note) }
        if let note = try request.checkThreads(executor.kind) { printError(note) }
        if let note = request.limit(to: plan.specs.count), agents.agentCount != nil { printError(note) }
        let fit = executor.kind == .slurm ? await SlurmFit(request.options, slurm) : nil
        for note in fit?.notes ?? [] { printError(note) }
        request.options.onFinish = onFinish
        request.options.onFailure = onFailure
        request.options.uploadsCheckpoints = uploadCheckpoints
        request.options.uploadsModel = !keepModel
        let submission = Submission(
            plan: plan, cache: cache, environment: environment,
            executor: executor, slurm: slurm,
            token: Submission.token(suffix: suffix), suffix: suffix, project: project,
            request: request, maxRetries: maxRetries, createReport: createReport ?? true,
            turns: Submission.Turns(
                after: after.map(JobID.init), maxRunning: maxRunning, failFast: failFast == 0 ? nil : failFast),
            defaultMemory: fit?.defaultMemory)
        if let after { try await Self.find(JobID(rawValue: after), cache, environment) }
        try submission.checkLanguageModels()
        let shortages = try submission.checkMemory()
        try submission.tryObservers()
        if dryRun {
            let estimate = try submission.estimate()
            for notice in JobPages.notices(environment) { printError("W&B: \(notice)") }
            let style = TerminalStyle.forStandardOutput(environment: environment)
            let arrays = executor.kind == .slurm ? try await AgentLaunch.arrays(of: request.agentCount, slurm) : []
            print(
                json
                    ? try submission.previewJSON(estimate, arrays: arrays)
                    : try submission.preview(estimate, arrays: arrays, style), terminator: "")
            return
        }
        if experiments.isEmpty, sweep == nil {
            try showCost(of: submission)
        } else {
            for shortage in shortages { printError(shortage) }
        }
        await Self.recover(cache, environment)
        try RemoteTargets(cache: cache, environment: environment).fetch(plan.remoteTargets)
        try plan.checkDownloads(in: cache.runs)
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
            try await Watch(
                job: started.snapshot.job.id, store: started.store, cache: cache, slurm: slurm, stopsAgents: true
            ).run()
        }
    }

    /// Refuses a command line in which a key stands, or in one of its files; returns what counts as one.
    private func refuseKeys(_ environment: [String: String]) throws(Failure) -> Secrets {
        let secrets = Secrets(environment)
        try secrets.refuse(project, as: "--project", isName: true)
        try secrets.refuse(onFinish, as: "--on-finish")
        try secrets.refuse(onFailure, as: "--on-failure")
        try SweepPlan.refuse(secrets, experiments: experiments, sweep: sweep, settings: settings)
        return secrets
    }

    /// Refuses to wait for a job that does not exist.
    private static func find(_ job: JobID, _ cache: CacheFolder, _ environment: [String: String]) async throws {
        let state = try OpenStore(cache, environment: environment, for: .looking)
        try await failing {
            guard let state else { throw StoreError.unknownJob(job, latest: []) }
            _ = try state.store.job(job)
        }
    }

    /// Repairs what others left half done; storing the job would hit any problem with the state too.
    private static func recover(_ cache: CacheFolder, _ environment: [String: String]) async {
        do {
            try await OpenStore(cache, environment: environment, for: .changing)?.recover()
        } catch {
            return
        }
    }

    /// Shows what starting everything there is will cost, and asks those who sit at a terminal.
    ///
    /// The published tool starts as much without asking; scripts see the cost, but are not asked.
    private func showCost(of submission: Submission) throws {
        let lines = try submission.estimate().lines(TerminalStyle(isColored: false))
        printError("this runs all experiments, as published:\n" + lines.joined(separator: "\n"))
        guard !yes, Terminal.isDialogue else { return }
        FileHandle.standardError.write(Data("Start them? [y/N] ".utf8))
        // Nothing is half done yet: ^C ends this at once.
        signal(SIGINT, SIG_DFL)
        let answer = readLine()?.lowercased() ?? ""
        Interruption.listen()
        guard ["y", "yes"].contains(answer) else { throw Failure.failed("nothing was stored or started") }
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
