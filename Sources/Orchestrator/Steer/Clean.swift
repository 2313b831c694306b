import ArgumentParser
import Foundation
import JSON
import Layout
import Metrics
import Orchestration
import Store
import WandB

/// Deletes what is not needed any more, after showing it.
struct Clean: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clean",
        abstract: "List, then delete, finished jobs with their runs' files, and leftovers of crashes.",
        discussion: """
            EXAMPLES
              orchestrator clean              shows what interrupted submissions have left
              orchestrator clean 3 4          shows jobs 3 and 4 with all their runs and files
              orchestrator clean 3 4 --yes    deletes them
              orchestrator clean --spools     finished runs' W&B data that W&B already has
              orchestrator clean 3 --figures  the figures of job 3's finished runs
              orchestrator clean 3 --where 'mmcs<0.9 or state=failed' --keep-best 10 --metric mmcs

            Jobs with pending or active runs are refused. Results, checkpoints and rows not sent to
            W&B yet are deleted with a run's folder; trained targets and other jobs' files stay. With --figures or
            --spools only those files are deleted, with --where matching runs' weights, checkpoints and figures, and the jobs stay; without numbers, this applies to all jobs.
            """)

    @Argument(help: "Numbers of jobs.", completion: CompletionWords.jobs)
    var jobs: [Int64] = []

    @Flag(help: "Only finished runs' figures.")
    var figures = false

    @Flag(help: "Only finished runs' W&B data that was sent.")
    var spools = false

    @Option(
        name: .customLong("where"),
        help: ArgumentHelp(
            "Only weights, checkpoints and figures of finished runs that match.",
            valueName: "condition"))
    var condition: String?

    @Option(help: ArgumentHelp("With --where: keep each job's n best finished runs.", valueName: "n"))
    var keepBest = 0

    @Option(help: ArgumentHelp("With --keep-best: the metric to rank them by.", valueName: "name"))
    var metric = Metric.totalLoss.name

    @Flag(help: "Delete; without it, only list.")
    var yes = false

    @Flag(help: "Print as JSON what would be, or was, deleted.")
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
