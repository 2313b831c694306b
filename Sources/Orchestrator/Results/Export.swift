import ArgumentParser
import Foundation
import Orchestration
import Store

/// Prints a job's runs as a table for other programs.
struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print a job's runs as CSV or JSON lines: what varies, final metrics, times.",
        discussion: """
            EXAMPLES
              orchestrator export 7 --csv > runs.csv        pandas.read_csv("runs.csv")
              orchestrator export 7 --jsonl | jq .metrics
              orchestrator export 7 --all-config > runs.csv
              orchestrator export 7 --metric mmcs --metric ml2r
              orchestrator export 7 --history --metric loss/total > history.csv
              orchestrator export 7 --where 'state=done' --sort -mmcs --columns run,lr,seed,mmcs
              orchestrator export 7 --group-by lr,pnorm --columns mmcs,ml2r

            Only config keys that differ between the runs become columns (nested ones joined by dots). A history has
            one row per run, step and metric: run, experiment, step, metric, value. Runs whose rows are lost or damaged are named
            at the end, and the exit code is 1.
            """)

    enum Format: String, EnumerableFlag { case csv, jsonl }

    @Argument(help: "The job's number (default: the latest job).", completion: CompletionWords.jobs)
    var job: Int64?

    @Flag(help: "The table's format.")
    var format = Format.csv

    @Flag(help: "A column for every key of the configs, not only for those that differ.")
    var allConfig = false

    @Option(help: ArgumentHelp("Only this metric; may be given several times (default: all).", valueName: "name"))
    var metric: [String] = []

    @Flag(help: "All logged steps as CSV, one row per run, step and metric.")
    var history = false

    @OptionGroup
    var options: QueryOptions

    @OptionGroup var source: ArchiveOption

    func validate() throws {
        if history, options.groupBy != nil || options.columns != nil {
            throw ValidationError("--history has its own columns; leave --group-by and --columns out")
        }
        if options.columns != nil, allConfig || !metric.isEmpty {
            throw ValidationError("--columns names everything that is exported; leave --all-config and --metric out")
        }
        if options.groupBy != nil, allConfig {
            throw ValidationError("groups have no configs; leave --all-config out")
        }
        if history, format == .jsonl { throw ValidationError("--history is CSV; leave --jsonl out") }
        if history, allConfig { throw ValidationError("--history has no configs; leave --all-config out") }
    }

    func run() async throws {
        let query = try options.query()
        try await source.open { try await export($0, query) }
    }

    private func export(_ state: OpenStore, _ query: RunQuery) async throws {
        if history {
            let problems = try await failing {
                try History(state.job(job).id, in: state.store, metrics: metric, query: query)
                    .write { print(state.told($0), terminator: "") }
            }
            for problem in problems { printError((source.archive.map { $0 + ": " } ?? "") + state.told(problem)) }
            if !problems.isEmpty { throw ExitCode(Failure.failed) }
            return
        }
        try await failing {
            let write = { (text: String) in print(state.told(text), terminator: "") }
            let id = try state.job(job).id
            guard query.columns == nil, query.grouping == nil else {
                let selection = try RunSelection(query, of: state.store.snapshot(of: id), in: state.store)
                if let groups = try selection.groups(measuring: MetricSelection(metric).checked(of: selection.runs)) {
                    return write(format == .csv ? groups.csv() : try groups.jsonLines())
                }
                return write(format == .csv ? selection.csv() : try selection.jsonLines())
            }
            let export = try RunTable(id, in: state.store, allConfig: allConfig, metrics: metric, query: query)
            if format == .csv { try export.csv(write) } else { try export.jsonLines(write) }
        }
    }
}
