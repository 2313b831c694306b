import Experiments
import Foundation
import Metrics
import Runs
import Search
import Store
import Synchronization

/// A run among the others of its search: the values of the metric that they are compared by, and whether it continues.
///
/// The state file is asked in its own thread. Training waits for the answer for a moment only: it continues where the
/// file is locked, and is stopped when the answer comes.
final class RunComparison: Sendable {
    private struct State {
        /// What earlier attempts have reached by their steps; those before the first row of this one count.
        var earlier: [(step: Int, cost: Double)]
        /// The best value up to each row that has one, lower is better; nil before the first row.
        var costs: [Double]?
        var verdict: String?

        mutating func costs(before step: Int) -> [Double] {
            costs ?? earlier.filter { $0.step < step }.map(\.cost)
        }
    }

    private let settings: SearchSettings
    private let held: HeldClaim
    private let store: Store
    private let state: Mutex<State>

    private static let patience = DispatchTimeInterval.seconds(2)

    /// The comparison of a claim's run; nil if its sweep compares none.
    ///
    /// - Throws: What keeps the search, or the rows of earlier attempts, from being read: a run without its rows would
    ///   count as the worst of all.
    init?(_ held: HeldClaim, store: Store) throws {
        let claim = held.claim
        guard let text = claim.spec.search, let settings = try SearchDefinition(json: text).searchSettings() else {
            return nil
        }
        self.settings = settings
        self.held = held
        self.store = store
        var earlier: [(step: Int, cost: Double)] = []
        try MetricRows.forEach(in: claim.folder.metrics) { step, values in
            guard let literal = values.last(where: { $0.name == settings.metric })?.value,
                let value = Double(literal), value.isFinite
            else { return }
            earlier.append((step, settings.cost(value)))
        }
        state = Mutex(State(earlier: earlier))
        held.note(reached(earlier.map(\.cost)))
    }

    /// Why the run is to stop, once that is known.
    var verdict: String? { state.withLock(\.verdict) }

    /// What the state file keeps of the values of the run's rows.
    private func reached(_ costs: [Double]) -> Reached {
        var reached = Reached(best: costs.min(), latest: costs.last)
        if let target = settings.target, let best = reached.best, best <= settings.cost(target) {
            reached.ending =
                "not begun: run \(held.claim.run) has reached the target, \(settings.metric) "
                + "\(settings.isMaximized ? "≥" : "≤") \(text(settings.cost(target))), with \(text(best))"
        }
        return reached
    }

    /// Records a logged step, and asks whether the run continues where runs are compared.
    func note(_ row: MetricsRow) {
        let value = row.values.last { $0.name == settings.metric }?.value
        let costs = state.withLock { state in
            var costs = state.costs(before: row.step)
            if let value, value.isFinite { costs.append(settings.cost(value)) }
            state.costs = costs
            return costs
        }
        held.note(reached(costs))
        guard value?.isFinite == true, let hyperband = settings.hyperband, hyperband.bands.contains(costs.count) else {
            return
        }
        ask(hyperband, costs)
    }

    private func ask(_ hyperband: Hyperband, _ costs: [Double]) {
        let band = costs.count
        guard let value = costs.last, let best = costs.min() else { return }
        let judged = hyperband.isStrict ? value : best
        let answered = DispatchSemaphore(value: 0)
        let thread = Thread { [self] in
            defer { answered.signal() }
            while held.lost == nil, !held.isOver {
                do throws(StoreError) {
                    let limit = try store.reach(
                        held.claim, band: band, value: value, judged: judged, threshold: hyperband.threshold)
                    if let limit { state.withLock { $0.verdict = reason(band, judged, limit, hyperband) } }
                    return
                } catch {
                    guard error.mayPass else { return }
                    Thread.sleep(forTimeInterval: 1)
                }
            }
        }
        thread.start()
        _ = answered.wait(timeout: .now() + Self.patience)
    }

    private func reason(_ band: Int, _ judged: Double, _ limit: Double, _ hyperband: Hyperband) -> String {
        "stopped early: \(settings.metric) is \(text(judged)) at row \(band), "
            + "not among the best 1/\(hyperband.etaText) (\(text(limit)))"
    }

    private func text(_ cost: Double) -> String {
        let value = settings.cost(cost)
        return Metric.named(settings.metric)?.text(value) ?? "\(value)"
    }
}
