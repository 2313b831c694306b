package import Experiments
package import Store

/// How long runs of each size of an experiment's specs take, and how that is known.
package struct StepTimes {
    /// The time of a run; a size that is missing is not known.
    package private(set) var costs: [RunSize: RunCost] = [:]
    /// How many finished runs were considered, of how many sizes.
    package private(set) var finished = (runs: 0, sizes: 0)
    /// How many sizes were timed here.
    package private(set) var timed = 0
    /// How many sizes are between those that were timed.
    package private(set) var scaled = 0
    /// How many sizes are not known.
    package private(set) var missing = 0
    /// Why those are not known.
    package private(set) var obstacle: String?

    /// At most this many sizes are timed: the smallest, the middle one and the largest.
    private static let mostTimed = 3
    /// At most this many finished runs are looked at, the latest.
    private static let mostFinished = 100
    /// A run predicts how long up to this many times as many or as few steps take: what every run does once weighs more
    /// in a short one.
    private static let farthest = 4

    /// One size among the specs.
    package struct Size {
        /// A spec of it.
        package let example: SpecDraft
        /// The fewest and the most steps that a spec of it has.
        package var steps: ClosedRange<Int>
        /// The fewest and the most sets of figures for each step.
        package var figures: ClosedRange<Double>

        package init(_ draft: SpecDraft) {
            let rate = Self.figuresPerStep(draft.config)
            (example, steps, figures) = (draft, draft.config.steps...draft.config.steps, rate...rate)
        }

        /// Adds another spec of the same size.
        package mutating func take(_ draft: SpecDraft) {
            let rate = Self.figuresPerStep(draft.config)
            steps = min(steps.lowerBound, draft.config.steps)...max(steps.upperBound, draft.config.steps)
            figures = min(figures.lowerBound, rate)...max(figures.upperBound, rate)
        }

        /// Whether a run of the same size shows how long these take, a part of its time for each step.
        package func isLike(_ config: ExperimentConfig) -> Bool {
            let rate = Self.figuresPerStep(config)
            return config.steps * StepTimes.farthest >= steps.upperBound
                && config.steps <= steps.lowerBound * StepTimes.farthest
                && figures.upperBound <= 2 * rate && rate <= 2 * figures.lowerBound
        }

        private static func figuresPerStep(_ config: ExperimentConfig) -> Double {
            Double(config.figureSets()) / Double(max(1, config.steps))
        }
    }

    /// Finds the times of all sizes among an experiment's specs.
    ///
    /// - Parameters:
    ///   - sizes: The sizes.
    ///   - experiment: The experiment's name.
    ///   - store: Where finished runs are, if there are any.
    ///   - runs: Where runs of W&B's are kept that trained targets.
    ///   - threads: On how many threads a run is to go.
    ///   - timer: Times what no finished run shows.
    /// - Throws: What keeps the state file from being read, or ^C.
    package init(
        of sizes: [RunSize: Size], experiment: String, store: Store?, runs: String, threads: Int,
        timer: () throws(Failure) -> StepTimer
    ) throws(Failure) {
        if let store {
            let past: [FinishedRun]
            do throws(StoreError) {
                past = try store.finishedRuns(of: experiment, atMost: Self.mostFinished)
            } catch { throw Failure(error) }
            take(past.filter { Parallelism(of: $0.job).threads == threads }, for: sizes, runs: runs)
        }
        let unknown = sizes.filter { costs[$0.key] == nil }.sorted { $0.key.work < $1.key.work }
        guard !unknown.isEmpty else { return }
        defer { missing = sizes.keys.count { costs[$0] == nil } }
        let places =
            unknown.count <= Self.mostTimed ? Array(unknown.indices) : [0, unknown.count / 2, unknown.count - 1]
        let chosen = places.map { unknown[$0] }
        let answers: [Result<RunCost, Failure>]
        do throws(Failure) {
            Terminal.showMeanwhile("timing a step of \(experiment) …")
            defer { Terminal.showMeanwhile("") }
            answers = try timer().times(chosen.map(\.value.example))
        } catch {
            if error == .interrupted { throw error }
            obstacle = error.message
            return
        }
        var measured: [(work: Double, cost: RunCost)] = []
        for (size, answer) in zip(chosen, answers) {
            switch answer {
            case .success(let cost):
                costs[size.key] = cost
                measured.append((size.key.work, cost))
            case .failure(let failure): obstacle = failure.message
            }
        }
        timed = measured.count
        for (size, _) in unknown where costs[size] == nil {
            guard let cost = Self.between(measured, at: size.work) else { continue }
            costs[size] = cost
            scaled += 1
        }
    }

    /// The median time of the finished runs of each size.
    private mutating func take(_ past: [FinishedRun], for sizes: [RunSize: Size], runs: String) {
        var known = KnownTargets(runs: runs)
        var times: [RunSize: [Double]] = [:]
        for run in past {
            do {
                let spec = try StoredSpec(config: run.config, target: run.target, source: "a finished run")
                let config = spec.config
                let target = try known.config(of: config, training: spec.target)
                let size = RunSize(config, target: target)
                guard let wanted = sizes[size], wanted.isLike(config) else { continue }
                times[size, default: []].append(run.active / .seconds(1) / Double(run.steps))
            } catch {
                // Another version stored a config that this one cannot read, or its target is gone: it says nothing
                // about time.
                continue
            }
        }
        for (size, values) in times { costs[size] = RunCost(step: values.sorted()[values.count / 2]) }
        finished = (times.values.reduce(0) { $0 + $1.count }, times.count)
    }

    /// The cost at some work, on the line between its neighbours; nil if there are none.
    private static func between(_ known: [(work: Double, cost: RunCost)], at work: Double) -> RunCost? {
        guard let above = known.first(where: { $0.work >= work }) ?? known.last else { return nil }
        guard let below = known.last(where: { $0.work <= work }) ?? known.first else { return nil }
        func scaled(_ part: KeyPath<RunCost, Double>) -> Double {
            let (low, high) = (below.cost[keyPath: part], above.cost[keyPath: part])
            guard above.work > below.work else { return low * work / below.work }
            return low + (work - below.work) / (above.work - below.work) * (high - low)
        }
        // What a run takes once hardly follows from how much a step computes.
        let once = max(below.cost.once, above.cost.once)
        return RunCost(step: scaled(\.step), figures: scaled(\.figures), once: once)
    }

    /// Where the times come from, in words.
    package var origin: String {
        var parts: [String] = []
        if finished.runs > 0 { parts.append(plural(finished.runs, "finished run")) }
        if timed > 0 {
            parts.append(timed == 1 && scaled == 0 ? "timed here" : "\(plural(timed, "size")) timed here")
        }
        if scaled > 0 { parts.append("\(scaled) scaled") }
        if missing > 0, let obstacle {
            parts.append((parts.isEmpty ? "" : "\(plural(missing, "size")) ") + "not known: \(obstacle)")
        }
        return parts.joined(separator: ", ")
    }
}
