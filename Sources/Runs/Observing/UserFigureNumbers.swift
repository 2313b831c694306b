import Figures
import Foundation
import Metrics
import UserMetrics

/// What users' figures show at a step.
struct UserFigureNumbers: Sendable {
    let figures: [(figure: UserFigure, panels: [FigureProgram.Panel])]

    /// The figures.
    ///
    /// - Parameter corner: The run and the step, for the corner of each.
    /// - Returns: The figures, by the names that they are logged under.
    func figures(corner: String) -> [Figure] {
        figures.map { figure, panels in
            Figure(
                name: Metric.userPrefix + figure.name, title: figure.name, corner: corner,
                panels: panels.map { panel(figure, $0) }, columns: Figure.columns(for: panels.count))
        }
    }

    private func panel(_ figure: UserFigure, _ panel: FigureProgram.Panel) -> Panel {
        let title = panel.title.isEmpty ? figure.value : panel.title
        let (values, shape) = (panel.value.values, panel.value.shape)
        let rows = shape.count == 2 ? shape[0] : 1
        let width = shape.last ?? 1
        let horizontal = Axis(figure.columns.isEmpty ? figure.x ?? "index" : figure.columns)
        let vertical = Axis(figure.rows.isEmpty ? "value" : figure.rows, isLogarithmic: figure.isLogarithmic)
        let x = panel.x?.values.map(Double.init)
        let isMissing: (Float) -> Bool = figure.isLogarithmic ? { !($0 > 0 && $0.isFinite) } : { !$0.isFinite }
        let missing = Self.note(
            values.count(where: isMissing), of: values.count,
            figure.isLogarithmic ? "not above zero and have no place on this scale" : "not finite")
        switch figure.drawing {
        case .heatmap:
            let matrix = Matrix(rows: rows, columns: width, values: values)
            return .heatMap(
                HeatMap(
                    title: title, matrix: matrix, colors: figure.isSymmetric ? .blueWhiteRed : .blues,
                    range: figure.isSymmetric ? HeatMap.symmetricRange([matrix]) : Self.extent(values),
                    columnLabel: figure.columns.isEmpty ? "column" : figure.columns,
                    rowLabel: figure.rows.isEmpty ? "row" : figure.rows))
        case .histogram:
            let extent = Self.extent(values)
            let bins = Bins(values, count: figure.bins, from: Double(extent.lowerBound), to: Double(extent.upperBound))
            return .plot(
                .histogram(
                    title: title, bins, valueLabel: figure.columns.isEmpty ? "value" : figure.columns,
                    note: Self.note(values.count { !$0.isFinite }, of: values.count, "not finite")))
        case .lines:
            let places = x ?? (0..<width).map(Double.init)
            let layers = (0..<rows).map { row in
                Plot.Layer.line(
                    x: places, y: values[(row * width)..<((row + 1) * width)].map(Double.init),
                    style: .series(row), name: rows > 1 ? String(row) : "")
            }
            return .plot(Plot(title: title, x: horizontal, y: vertical, layers: layers, note: missing))
        case .scatter:
            let places = x ?? values.indices.map(Double.init)
            return .plot(
                Plot(
                    title: title, x: horizontal, y: vertical,
                    layers: [.points(x: places, y: values.map(Double.init), style: Style(radius: 1.4))], note: missing))
        case .table:
            let cells = (0..<rows).map { row in
                [String(row)] + values[(row * width)..<((row + 1) * width)].map { String(format: "%.5g", Double($0)) }
            }
            return .table(
                Table(
                    title: title, columns: [figure.rows.isEmpty ? "row" : figure.rows] + (0..<width).map(String.init),
                    rows: cells, numbers: [.init("values", shape: [rows, width], values: values)]))
        }
    }

    /// Says how many values cannot be shown; nothing where all can.
    private static func note(_ count: Int, of all: Int, _ reason: String) -> String {
        count == 0 ? "" : "\(count) of \(all) values are \(reason)"
    }

    /// The smallest and the largest of the finite values.
    private static func extent(_ values: [Float]) -> ClosedRange<Float> {
        let finite = values.filter(\.isFinite)
        let (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
        return low...(high > low ? high : low + 1)
    }
}
