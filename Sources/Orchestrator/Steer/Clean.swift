import JSON
import Metrics
import ArgumentParser
import Foundation
import Layout
import Orchestration
import Store
import WandB

/// Deletes what is not needed any more, after showing it.
struct Clean: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete finished jobs with their runs' files, and leftovers of crashes, after listing them.",
        discussion: """
            EXAMPLES
              orchestrator clean              what interrupted submissions have left: shows it
              orchestrator clean 3 4          jobs 3 and 4, all of their runs and files: shows them
              orchestrator clean 3 4 --yes    deletes them
              orchestrator clean --spools     what runs that are over have kept for W&B, which has it
              orchestrator clean 3 --figures  the figures of job 3's runs that are over
              orchestrator clean 3 --where 'mmcs<0.9 or state=failed' --keep-best 10 --metric mmcs

            A job with runs that wait or run is refused. Results, checkpoints and rows that are not sent to
            W&B yet go with a run's folder; trained targets and everything of other jobs stay. With --figures or
            --spools only those files go, with --where weights, checkpoints and figures of those runs, and no job is forgotten; without numbers, they go of all jobs.
            """)

    @Argument(help: "Numbers of jobs.", completion: CompletionWords.jobs)
    var jobs: [Int64] = []

    @Flag(help: "Only figures, of runs that are over.")
    var figures = false

    @Flag(help: "Only what was kept for W&B and is sent, of runs that are over.")
    var spools = false

    @Option(
        name: .customLong("where"),
        help: ArgumentHelp(
            "Only weights, checkpoints and figures, of runs that are over and for which this holds.",
            valueName: "condition"))
    var condition: String?

    @Option(help: ArgumentHelp("With --where: leave each job's n best finished runs alone.", valueName: "n"))
    var keepBest = 0

    @Option(help: ArgumentHelp("With --keep-best: the metric that says which those are.", valueName: "name"))
    var metric = Metric.totalLoss.name

    @Flag(help: "Delete; without it, everything is only shown.")
    var yes = false

    @Flag(help: "Print as JSON what would go, or went.")
    var json = false

    func validate() throws {
        if condition != nil, figures || spools { throw ValidationError("--where excludes --figures and --spools") }
        if keepBest < 0 { throw ValidationError("--keep-best is \(keepBest); it takes 0 or more") }
        if keepBest > 0, condition == nil { throw ValidationError("--keep-best goes with --where") }
    }

    func run() async throws {
        let query = try RunQuery(where: condition)
        let state = try await OpenStore.open(for: yes ? .changing : .looking)
        try await failing {
            let jobs = jobs.map(JobID.init)
            let plan =
                condition != nil
                ? try CleaningPlan(largeFilesOf: query, keepingBest: keepBest, by: metric, of: jobs, in: state)
                : figures || spools
                    ? try CleaningPlan(figures: figures, spools: spools, of: jobs, in: state)
                    : try CleaningPlan(jobs, in: state)
            if json {
                let told = plan.notes
                let report = plan.report(
                    isDeleted: yes && !plan.isEmpty,
                    notes: told + (yes && !plan.isEmpty ? try plan.carryOut(in: state.store) : []))
                return print(try JSONText.encode(report), terminator: "")
            }
            for note in plan.notes { print(note) }
            guard !plan.isEmpty else { return print("There is nothing to delete.") }
            for line in plan.lines { print(line) }
            guard yes else { return print("Nothing was deleted; --yes deletes this.") }
            for note in try plan.carryOut(in: state.store) { print(note) }
            print("Deleted.")
        }
    }
}
