import ArgumentParser
import Foundation
import Metrics
import Orchestration
import Store

/// Ranks a job's runs by a metric.
struct Best: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "best",
        abstract: "Rank a job's finished runs by a final metric.",
        discussion: """
            EXAMPLES
              orchestrator best 7                          the ten lowest total losses
              orchestrator best 7 --metric mmcs            the best recovered features
              orchestrator best 7 -n 1 --json
              orchestrator best 7 --where 'lr<0.01 and experiment=tms_5-2' --columns lr,seed,seconds
              orchestrator best 7 --metric mmcs --group-by importance_minimality_coeff

            The last one compares across seeds: groups ranked by their mean, with deviation, median and n.
            """)

    @Argument(help: "The job's number (default: the latest job).", completion: CompletionWords.jobs)
    var job: Int64?

    @Option(help: ArgumentHelp("The metric, by its logged name.", valueName: "name"))
    var metric = Metric.totalLoss.name

    @Flag(
        help: ArgumentHelp(
            "List the highest or the lowest values first (default: the better ones, or low if neither is better)."))
    var order: Order?

    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("How many to show.", valueName: "n"))
    var count = 10

    @OptionGroup
    var options: QueryOptions

    @Flag(help: "Print JSON.")
    var json = false

    /// What comes first.
    enum Order: EnumerableFlag {
        case max
        case min
    }

    func validate() throws {
        if count < 1 { throw ValidationError("--count is \(count); it takes 1 or more") }
    }

    func run() async throws {
        let state = try await OpenStore.open(for: .looking)
        let style = TerminalStyle.forStandardOutput(environment: state.environment)
        let text = try await failing {
            let snapshot = try state.store.snapshot(of: state.job(job).id)
            let ranking = try Ranking(
                snapshot, by: metric, highestFirst: order.map { $0 == .max }, query: options.query(), in: state.store)
            return json ? try ranking.json(atMost: count) : try ranking.text(atMost: count, style)
        }
        print(text, terminator: "")
    }
}
