import Experiments
import Foundation
import JSON
import Layout
import Metrics
import Runs
import Search
import Store
import Synchronization

/// A run among the others of its search: the values of the metric that they are compared by, and whether it goes on.
///
/// The state file is asked in a thread of its own. Training waits for the answer for a moment only: it goes on where the
/// file is locked, and is stopped when the answer comes.
final class RunComparison: Sendable {
    private struct State {
        /// What the run has reached at each of its rows that has a value, low ones being better; nil before the first row.
        var costs: [Double]?
        var verdict: String?
    }

    private let settings: SearchSettings
    private let claim: Claim
    private let store: Store
    /// Whether the claim is given up, so that nobody need ask any more.
    private let isOver: @Sendable () -> Bool
    private let state = Mutex(State())

    private static let patience = DispatchTimeInterval.seconds(2)

    /// The comparison of a claim's run; nil where its sweep compares none.
    init?(_ claim: Claim, store: Store, isOver: @escaping @Sendable () -> Bool) throws {
        guard let text = claim.spec.search, let settings = try SearchDefinition(json: text).searchSettings() else {
            return nil
        }
        self.settings = settings
        self.claim = claim
        self.store = store
        self.isOver = isOver
    }

    /// Why the run is to stop, once that is known.
    var verdict: String? { state.withLock(\.verdict) }

    /// The best that the run has reached by its rows; nil if it has no value of the metric.
    func cost() -> Double? {
        Self.values(of: settings.metric, in: claim.folder, before: .max).map(settings.cost).min()
    }

    /// Takes note of a logged step, and asks whether the run goes on where runs are compared.
    func note(_ row: MetricsRow) {
        guard let hyperband = settings.hyperband, let last = hyperband.bands.last else { return }
        let costs: [Double] = state.withLock { state in
            // What earlier attempts have logged up to the state that this one goes on from.
            var costs =
                state.costs ?? Self.values(of: settings.metric, in: claim.folder, before: row.step).map(settings.cost)
            if let value = row.values.last(where: { $0.name == settings.metric })?.value, value.isFinite {
                costs.append(settings.cost(value))
            } else {
                costs.append(.nan)
            }
            defer { state.costs = costs.filter { !$0.isNaN } }
            return costs
        }
        guard let value = costs.last, !value.isNaN, costs.count <= last, hyperband.bands.contains(costs.count) else {
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
            while !isOver() {
                do throws(StoreError) {
                    let limit = try store.reach(
                        claim, band: band, value: value, judged: judged, threshold: hyperband.threshold)
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
        func text(_ cost: Double) -> String {
            let value = settings.cost(cost)
            return Metric.named(settings.metric)?.text(value) ?? "\(value)"
        }
        return "stopped early: \(settings.metric) is \(text(judged)) at row \(band), "
            + "not among the best 1/\(hyperband.etaText) (\(text(limit)))"
    }

    /// The finite values of a metric in a run's rows, in order.
    private static func values(of metric: String, in folder: RunFolder, before step: Int) -> [Double] {
        guard let text = try? String(contentsOfFile: folder.metrics, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").compactMap { line in
            guard let row = try? JSONValue(parsing: String(line)), let number = row[Metric.step.name]?.double,
                number < Double(step), let value = row[metric]?.double, value.isFinite
            else { return nil }
            return value
        }
    }
}
