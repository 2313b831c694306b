import Artifacts
import Foundation
import JSON
import Metrics
package import Store

/// How two runs differ: settings, final metrics, and curves of metrics that both logged.
package struct RunDifference {
    private let first: Run
    private let second: Run
    private let settings: [(key: String, first: String, second: String)]
    private let metrics: [(name: String, first: Double?, second: Double?)]
    private let curves: [Curve]

    private struct Curve {
        let name: String
        let first: [(step: Int, value: Double)]
        let second: [(step: Int, value: Double)]
    }

    /// Reads two runs' specs, final metrics and rows.
    ///
    /// - Throws: What keeps the state file or a run's rows from being read.
    package init(_ first: Run, _ second: Run, in store: Store) throws {
        (self.first, self.second) = (first, second)
        var both = RunSettings()
        let (one, other) = (
            try both.read(store.spec(of: first.id).knownConfig), try both.read(store.spec(of: second.id).knownConfig)
        )
        settings = both.varying.map { name in
            (name, both.value(of: name, one)?.text ?? "–", both.value(of: name, other)?.text ?? "–")
        }
        metrics = Set(first.metrics.names).union(second.metrics.names).sorted()
            .map { ($0, first.metrics[$0], second.metrics[$0]) }
        let (x, y) = (try Self.courses(of: first), try Self.courses(of: second))
        curves = x.keys.filter { y[$0] != nil }.sorted().map {
            Curve(name: $0, first: x[$0] ?? [], second: y[$0] ?? [])
        }
    }

    /// What is shown of a history: losses, and what `status` shows.
    private static func courses(of run: Run) throws -> [String: [(step: Int, value: Double)]] {
        let shown = Set(Metric.headlines.map(\.name))
        var courses: [String: [(step: Int, value: Double)]] = [:]
        try MetricRows.forEach(in: run.folder.metrics) { step, values in
            for (name, literal) in values where shown.contains(name) || Metric.isLoss(name) {
                guard let value = Double(literal) else { continue }
                courses[name, default: []].append((step, value))
            }
        }
        return courses.filter { $0.value.count > 1 }
    }

    /// For people.
    package func lines(_ style: TerminalStyle) -> [String] {
        let names = [first.id.rawValue, second.id.rawValue]
        var lines = [style.paint("Runs", .bold)]
        for run in [first, second] {
            lines.append(
                "  \(run.id)  job \(run.job), \(run.experiment), \(run.status.rawValue), step \(run.progress.step) of "
                    + "\(run.progress.steps)")
        }
        lines += ["", style.paint("Config", .bold)]
        if settings.isEmpty {
            lines.append("  the same")
        } else {
            var table = TextTable([("KEY", .left), (names[0], .left), (names[1], .left)])
            for setting in settings { table.add([.init(setting.key), .init(setting.first), .init(setting.second)]) }
            lines += table.lines(style).map { "  " + $0 }
        }
        if !metrics.isEmpty {
            var table = TextTable([("METRIC", .left), (names[0], .right), (names[1], .right), ("", .right)])
            for metric in metrics {
                table.add([
                    .init(metric.name), .init(Self.text(metric.first)), .init(Self.text(metric.second)),
                    .init(Self.change(metric.first, metric.second), .dim),
                ])
            }
            lines += ["", style.paint("Final metrics", .bold)] + table.lines(style).map { "  " + $0 }
        }
        for run in [first, second] where run.status == .done && FolderListing.isMissing(run.folder.metrics) {
            lines += ["", style.paint("No curves: \(run.folder.metrics) is gone", .yellow)]
        }
        if !curves.isEmpty { lines += ["", style.paint("Curves", .bold)] + curves.flatMap { curveLines($0, names) } }
        return lines
    }

    private func curveLines(_ curve: Curve, _ names: [String]) -> [String] {
        let isLogarithmic = Metric.named(curve.name)?.axis == .logarithmic
        let scale = Sparkline(
            for: [curve.first, curve.second].map { $0.map(\.value) }, isLogarithmic: isLogarithmic)
        let steps = max(curve.first.last?.step ?? 0, curve.second.last?.step ?? 0)
        return ["  \(curve.name)" + (isLogarithmic ? " (logarithmic)" : "")]
            + zip(names, [curve.first, curve.second]).map { name, points in
                let ends = "\(Self.text(points.first?.value)) → \(Self.text(points.last?.value))"
                return "    \(name)  \(scale.text(points, steps: steps))  \(ends)"
            }
    }

    private static func text(_ number: Double?) -> String { number.map { Metric.text($0, digits: 5) } ?? "–" }

    private static func change(_ first: Double?, _ second: Double?) -> String {
        guard let first, let second, first.isFinite, second.isFinite, first != 0, first != second else { return "" }
        let percent = 100 * (second - first) / abs(first)
        return abs(percent) < 1000 ? String(format: "%+.1f %%", percent) : ""
    }

    /// As members of a report for programs.
    var members: [JSONValue.Member] {
        func number(_ value: Double?) -> JSONValue {
            value.map { $0.isFinite ? .shortest($0) : .string("\($0)") } ?? .null
        }
        func points(_ points: [(step: Int, value: Double)]) -> JSONValue {
            .array(points.map { .array([.number($0.step), number($0.value)]) })
        }
        return [
            .init("runs", .array([.string(first.id.rawValue), .string(second.id.rawValue)])),
            .init(
                "config",
                .array(
                    settings.map { setting in
                        .object([
                            .init("key", .string(setting.key)), .init("first", .string(setting.first)),
                            .init("second", .string(setting.second)),
                        ])
                    })),
            .init(
                "metrics",
                .array(
                    metrics.map { metric in
                        .object([
                            .init("metric", .string(metric.name)), .init("first", number(metric.first)),
                            .init("second", number(metric.second)),
                        ])
                    })),
            .init(
                "curves",
                .array(
                    curves.map { curve in
                        .object([
                            .init("metric", .string(curve.name)), .init("first", points(curve.first)),
                            .init("second", points(curve.second)),
                        ])
                    })),
        ]
    }
}
