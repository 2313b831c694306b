import ArgumentParser
import Foundation
import Metrics
import Store

/// Ranks a job's runs by a metric.
struct Best: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rank a job's finished runs by a final metric.",
        discussion: """
            EXAMPLES
              orchestrator best 7                          the ten lowest total losses
              orchestrator best 7 --metric mmcs            the best recovered features
              orchestrator best 7 -n 1 --json
            """)

    @Argument(help: "The job's number (default: the latest job).", completion: CompletionWords.jobs)
    var job: Int64?

    @Option(help: ArgumentHelp("The metric, by its logged name.", valueName: "name"))
    var metric = Metric.totalLoss.name

    @Flag(
        help: ArgumentHelp(
            "The highest or the lowest first (default: the best, and the lowest of a metric that does not say which)."))
    var order: Order?

    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("How many to show.", valueName: "n"))
    var count = 10

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
        let state = try await State.open(for: .looking)
        let style = Style.forStandardOutput(environment: state.environment)
        let text = try await failing {
            let snapshot = try state.store.snapshot(of: state.job(job).id)
            let ranking = try Ranking(snapshot.runs, by: metric, order: order)
            return json ? try ranking.json(atMost: count) : try ranking.text(atMost: count, style)
        }
        print(text, terminator: "")
    }
}

/// Finished runs in the order of a metric.
struct Ranking {
    let metric: String
    let runs: [(run: Run, value: Double)]
    /// Finished runs whose metric is not a number.
    let withoutValue: Int

    init(_ runs: [Run], by metric: String, order: Best.Order?) throws(Failure) {
        self.metric = metric
        let highestFirst = order.map { $0 == .max } ?? (Metric.named(metric)?.better == .high)
        let done = runs.filter { $0.status == .done }
        guard !done.isEmpty else { throw .failed("no run of the job is done yet") }
        let known = Set(done.flatMap(\.metrics.keys))
        guard known.contains(metric) else {
            throw .badInput(
                "no run of the job has a metric '\(metric)'; there are " + known.sorted().joined(separator: ", "))
        }
        let ranked = done.compactMap { run in
            run.metrics[metric].flatMap { $0.isNaN ? nil : (run: run, value: $0) }
        }
        withoutValue = done.count - ranked.count
        self.runs = ranked.sorted { a, b in
            a.value == b.value ? a.run.position < b.run.position : (a.value > b.value) == highestFirst
        }
    }

    func text(atMost limit: Int, _ style: Style) throws -> String {
        let settings = try runs.map { try Overrides(json: $0.run.overrides) }
        let common = Overrides.common(settings)
        var table = TextTable([
            ("", .right), ("RUN", .left), ("EXPERIMENT", .left), ("SETTINGS", .left), (metric, .right),
        ])
        for (index, entry) in runs.prefix(limit).enumerated() {
            table.add([
                .init(String(index + 1)), .init(entry.run.id.rawValue), .init(entry.run.experiment),
                .init(settings[index].text(without: common)), .init(String(format: "%.6g", entry.value)),
            ])
        }
        var lines = table.lines(style)
        if let best = runs.first { lines.append("Files of the first: \(best.run.folder.path)") }
        if withoutValue > 0 {
            lines.append("\(plural(withoutValue, "finished run")) left out: \(metric) is missing or not a number")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func json(atMost limit: Int) throws -> String {
        struct Entry: Encodable {
            let rank: Int
            let value: Double
            let run: JobReport.RunReport
        }
        struct Report: Encodable {
            let metric: String
            let best: [Entry]
        }
        var best: [Entry] = []
        for (index, entry) in runs.prefix(limit).enumerated() {
            best.append(Entry(rank: index + 1, value: entry.value, run: try JobReport.RunReport(entry.run)))
        }
        return try JSONText.encode(Report(metric: metric, best: best))
    }
}
