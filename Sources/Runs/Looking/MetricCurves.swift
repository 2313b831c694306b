public import Figures
import Metrics

/// Runs' metrics as curves over steps: of one run, or of several by what distinguishes them, seeds together.
public struct MetricCurves {
    /// The rows of one run.
    private struct LoggedRun {
        let group: String
        let rows: [Row]
    }

    private typealias Row = (step: Double, values: [String: Double])

    /// The figure's name.
    public static let name = "curves"
    /// More lines in a panel than this are indistinguishable.
    private static let most = 8
    /// More rows of a run than this are closer than pixels.
    private static let mostRows = 400

    private let runs: [LoggedRun]
    private let corner: String
    /// How many rows the longest run has logged.
    private let logged: Int

    /// Reads what runs have logged.
    ///
    /// - Parameters:
    ///   - sources: The runs; those of a group are drawn as one line, with a band from the smallest to the largest value.
    ///   - corner: What stands in the figure's corner.
    /// - Throws: `RunError.invalid` for files that can't be read, and for more groups than can be distinguished.
    public init(_ sources: [FigureSource], corner: String) throws(RunError) {
        var (runs, logged): ([LoggedRun], Int) = ([], 0)
        for source in sources {
            guard let path = source.metrics else { continue }
            let rows = try Self.rows(of: path)
            logged = max(logged, rows.count)
            if !rows.isEmpty { runs.append(LoggedRun(group: source.group, rows: rows.spread(most: Self.mostRows))) }
        }
        (self.runs, self.corner, self.logged) = (runs, corner, logged)
        let count = groups.count
        guard count <= Self.most else {
            throw .invalid(
                "curves of \(count) kinds of run in one panel cannot be told apart; name fewer runs, or --by a key with up to "
                    + "\(Self.most) values")
        }
    }

    private static func rows(of path: String) throws(RunError) -> [Row] {
        var rows: [Row] = []
        do {
            try MetricRows.forEach(in: path) { step, literals in
                var values: [String: Double] = [:]
                for (name, literal) in literals {
                    if let value = Double(literal), value.isFinite { values[name] = value }
                }
                rows.append((Double(step), values))
            }
        } catch {
            throw .invalid("\(error)")
        }
        return rows
    }

    /// What distinguishes the runs, numbers by size.
    private var groups: [String] {
        var seen: Set<String> = []
        return runs.map(\.group).filter { seen.insert($0).inserted }.enumerated().sorted { a, b in
            if let x = Double(a.element), let y = Double(b.element), x != y { return x < y }
            return a.offset < b.offset
        }.map(\.element)
    }

    /// The curves; nil if nothing was logged.
    public var figure: Figure? {
        let groups = groups
        guard !groups.isEmpty else { return nil }
        // Of several kinds of run each metric has its own panel, in which colours are the kinds.
        let panels = charts.flatMap { chart -> [Panel] in
            guard groups.count > 1 else {
                return [panel(chart.title, chart.names.prefix(Self.most).map { (label($0, of: chart), $0, groups[0]) })]
            }
            return chart.names.map { name in panel(name, groups.map { ($0, name, $0) }) }
        }
        let seeds = groups.map { group in runs.count { $0.group == group } }.max() ?? 1
        let title =
            seeds > 1
            ? "Metrics over steps: mean of up to \(seeds) runs, band from smallest to largest" : "Metrics over steps"
        return Figure(name: Self.name, title: title, corner: corner, panels: panels, columns: panels.count > 12 ? 3 : 2)
    }

    private struct Curves {
        let title: String
        let names: [String]
    }

    /// A panel's charts, in the order of W&B's workspaces; others come last.
    private var charts: [Curves] {
        var logged: [String] = []
        var seen: Set<String> = []
        for row in runs.flatMap(\.rows) {
            for name in row.values.keys.sorted() where seen.insert(name).inserted { logged.append(name) }
        }
        let order = Metric.all
        logged.sort { a, b in
            let places = [a, b].map { name in order.firstIndex { $0.matches(name) } ?? order.count }
            return (places[0], a) < (places[1], b)
        }
        let own = logged.filter { $0.hasPrefix(Metric.userPrefix) }.compactMap(Metric.named)
        var charts: [Curves] = []
        for chart in Chart.lines(Metric.ofKinds + own) {
            let names = logged.filter { name in chart.metrics.contains { $0.matches(name) } }
            if !names.isEmpty { charts.append(Curves(title: chart.title ?? names[0], names: names)) }
        }
        let charted = Set(charts.flatMap(\.names))
        return charts + logged.filter { !charted.contains($0) }.map { Curves(title: $0, names: [$0]) }
    }

    /// A line's name in a panel of several: what its neighbours do not have.
    private func label(_ name: String, of chart: Curves) -> String {
        guard chart.names.count > 1 else { return "" }
        let metric = Metric.all.first { $0.matches(name) }
        if case .module(let suffix)? = metric?.key { return String(name.dropLast(suffix.count + 1)) }
        return metric?.shortName ?? name
    }

    private func panel(_ title: String, _ lines: [(label: String, name: String, group: String)]) -> Panel {
        let metric = lines.first.flatMap { Metric.named($0.name) }
        var (bands, curves): ([Plot.Layer], [Plot.Layer]) = ([], [])
        for (index, line) in lines.enumerated() {
            let points = points(line.name, of: line.group)
            guard !points.isEmpty else { continue }
            let steps = points.map(\.step)
            if points.contains(where: { $0.low < $0.high }) {
                bands.append(
                    .band(
                        x: steps, low: points.map(\.low), high: points.map(\.high), style: .series(index, opacity: 0.2),
                        name: line.label + " band"))
            }
            curves.append(.line(x: steps, y: points.map(\.mean), style: .series(index), name: line.label))
        }
        let note = logged > Self.mostRows ? "\(Self.mostRows) of \(logged) rows" : ""
        return .plot(
            Plot(
                title: title, x: Axis("Step"),
                y: Axis(metric?.unit ?? "", isLogarithmic: metric?.axis == .logarithmic), layers: bands + curves,
                note: note))
    }

    /// A metric's mean and extremes over the runs of a group, step by step.
    private func points(_ name: String, of group: String) -> [(step: Double, mean: Double, low: Double, high: Double)] {
        var values: [Double: [Double]] = [:]
        for run in runs where run.group == group {
            for row in run.rows { if let value = row.values[name] { values[row.step, default: []].append(value) } }
        }
        return values.sorted { $0.key < $1.key }.map { step, values in
            let mean = values.reduce(0, +) / Double(values.count)
            return (step, mean, values.min() ?? mean, values.max() ?? mean)
        }
    }
}

extension Chart {
    /// The charts of lines of all sections, as W&B's workspaces have them.
    fileprivate static func lines(_ measures: [Metric]) -> [(title: String?, metrics: [Metric])] {
        sections(with: measures).flatMap(\.charts).compactMap { chart in
            guard case .lines(let metrics) = chart.content else { return nil }
            return (chart.title, metrics)
        }
    }
}
