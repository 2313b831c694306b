import ArgumentParser
import JSON
import Orchestration
import Store

/// Keeps jobs or runs from being begun.
struct Hold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold",
        abstract: "Hold jobs or runs: active runs continue, but agents start no held ones.",
        discussion: """
            EXAMPLES
              orchestrator hold 7             its agents finish their current runs and start none
              orchestrator hold k3j9 x0qa     two runs; the beginnings of their names are enough
              orchestrator release 7          goes on

            On SLURM, all agents but one end after an idle minute; `orchestrator scale` starts more.
            """)

    @OptionGroup var named: NamedArguments

    func run() async throws { try await named.change("held") { try $0.hold($1, true) } }
}

/// Lets held jobs or runs continue.
struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Release held jobs or runs.",
        discussion: """
            EXAMPLES
              orchestrator release 7
              orchestrator release k3j9 x0qa
            """)

    @OptionGroup var named: NamedArguments

    func run() async throws {
        var notes: [String] = []
        try await named.change("released") { store, names in
            try store.hold(names, false)
            for case .job(let job) in names {
                if let halt = try StandstillNotes.halt(of: store.job(job)) { notes.append("Job \(job): \(halt)") }
            }
        }
        if !named.json { notes.forEach { print($0) } }
    }
}

/// Has runs claimed before others.
struct Priority: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "priority",
        abstract: "Move runs ahead of others in their job.",
        discussion: """
            EXAMPLES
              orchestrator priority k3j9 x0qa            ahead of all waiting runs
              orchestrator priority k3j9 --level -5      behind them: 0 is the default level

            Interrupted runs always resume first.
            """)

    @OptionGroup var named: NamedArguments

    @Option(help: ArgumentHelp("The level, from -1000 to 1000 (default: above all others).", valueName: "n"))
    var level: Int?

    func validate() throws {
        if let level, !(-1000...1000).contains(level) {
            throw ValidationError("--level is \(level); it takes -1000 to 1000")
        }
    }

    func run() async throws {
        try await named.change(level.map { "has level \($0)" } ?? "moved before all others") { store, names in
            let runs = try names.map { name in
                guard case .run(let run) = name else {
                    throw Failure.badInput("priorities are for runs; `orchestrator status JOB --runs` lists them")
                }
                return run
            }
            try store.prioritize(runs, level)
        }
    }
}

/// The jobs and runs that a command changes, all or none of them.
struct NamedArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Job numbers, names of runs or their beginnings.", valueName: "job-or-run"),
        completion: CompletionWords.jobsAndRuns)
    var names: [String]

    @Flag(help: "Print the result as JSON.")
    var json = false

    /// Looks them all up, changes them in one transaction and reports it.
    func change(_ done: String, _ body: (Store, [Named]) throws -> Void) async throws {
        try await NamedChange(names: names, json: json).perform(done, body)
    }
}

/// A change to jobs and runs, all or none of them.
struct NamedChange {
    let names: [String]
    let json: Bool

    private struct Report: Encodable {
        let jobs: [Int64]
        let runs: [String]
    }

    /// Looks them all up, changes them in one transaction and reports it.
    func perform(_ done: String, _ body: (Store, [Named]) throws -> Void) async throws {
        let state = try await OpenStore.open(for: .changing)
        try await failing {
            let named = try names.map { try Named(Reference($0), as: $0, in: state.store) }
            try body(state.store, named)
            let jobs = named.compactMap { if case .job(let job) = $0 { job.rawValue } else { nil } }
            let runs = named.compactMap { if case .run(let run) = $0 { run.rawValue } else { nil } }
            if json { return print(try JSONText.encode(Report(jobs: jobs, runs: runs)), terminator: "") }
            for name in jobs.map({ "Job \($0)" }) + runs.map({ "Run \($0)" }) { print("\(name): \(done)") }
        }
    }
}
