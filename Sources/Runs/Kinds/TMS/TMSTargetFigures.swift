import Analysis
import Figures
import Glibc
import Kernels

/// The figures of a toy model of superposition before it is decomposed.
struct TMSTargetFigures {
    private let target: TMSTarget

    init(_ target: TMSTarget) { self.target = target }

    var all: [Figure] { [representation] + (target.linear1.shape[0] == 2 ? [polygon] : []) + [cosines] }

    /// Each feature's own output where it alone is active.
    private var representation: Figure {
        let found = TMSRepresentation(target)
        let spread = Spread(found.outputs)
        func bars(_ features: [Int], _ style: Style, _ name: String) -> [Plot.Layer] {
            let x = features.map(Double.init)
            let y = features.map { Double(found.outputs[$0]) }
            guard !features.isEmpty else { return [] }
            return zip(x, y).map { .bars(edges: [$0 - 0.35, $0 + 0.35], heights: [$1], style: style) }
                + [.points(x: x, y: y, style: Style(color: style.color, marker: style.marker, radius: 2.4), name: name)]
        }
        let layers =
            bars(found.well, .series(2, opacity: 0.5), "closer than 0.1")
            + bars(found.moderate, .series(5, opacity: 0.5), "closer than 0.3")
            + bars(found.poor, .series(1, opacity: 0.5), "further away")
        let extent = (found.outputs.min() ?? 0, found.outputs.max() ?? 0)
        return Figure(
            name: "feature_representation_analysis", title: "Each feature's output, alone at 0.75",
            panels: [
                .plot(
                    Plot(
                        title: "", x: .indices("Feature", count: target.features),
                        y: Axis("Output"),
                        layers: layers + [
                            .rule(isVertical: false, at: Double(TMSRepresentation.input), name: "input")
                        ],
                        note: "mean \(short(spread.mean)), deviation \(short(spread.deviation)), "
                            + "from \(short(Double(extent.0))) to \(short(Double(extent.1)))"))
            ])
    }

    /// The columns of W of a model with two hidden units.
    private var polygon: Figure {
        let rows = target.linear1.transposed.values
        let points = stride(from: 0, to: rows.count, by: 2).map { (x: Double(rows[$0]), y: Double(rows[$0 + 1])) }
        let reach = max(points.reduce(1) { max($0, abs($1.x), abs($1.y)) } * 1.15, 1.15)
        let circle = (0...72).map { Double($0) / 72 * 2 * Double.pi }
        let axis = Axis("Hidden unit 0", range: -reach...reach)
        return Figure(
            name: "polygon", title: "The features in hidden space",
            panels: [
                .plot(
                    Plot(
                        title: "", x: axis, y: Axis("Hidden unit 1", range: -reach...reach),
                        layers: [.line(x: circle.map { cos($0) }, y: circle.map { sin($0) }, style: .guide)]
                            + points.map { .line(x: [0, $0.x], y: [0, $0.y]) }
                            + [
                                .points(x: points.map(\.x), y: points.map(\.y), name: "feature"),
                                .words(
                                    points.enumerated().map {
                                        .init(x: $1.x * 1.1, y: $1.y * 1.1, text: String($0))
                                    }),
                            ], aspect: 1,
                        // The circle, then a line for each feature, then all points.
                        tags: points.indices.map { .init(layer: 1 + $0, label: "feature", values: [Double($0)]) }
                            + [
                                .init(
                                    layer: 1 + points.count, label: "feature", values: points.indices.map(Double.init))
                            ]))
            ])
    }

    private var cosines: Figure {
        let cosines = TMSRepresentation.pairwiseCosines(target)
        let bound = 1 / Double(target.linear1.shape[0]).squareRoot()
        let bins = Bins(cosines, count: 50, from: -1, to: 1)
        var plot = Plot.histogram(
            title: "", bins, valueLabel: "Cosine of two features",
            note: "\(cosines.count) ordered pairs; 1/sqrt(hidden units) = \(short(bound))")
        plot.layers += [
            .rule(isVertical: true, at: bound, name: "1/sqrt(hidden units)"), .rule(isVertical: true, at: -bound),
        ]
        return Figure(
            name: "cosine_similarity_distribution", title: "Cosines between features", panels: [.plot(plot)])
    }
}

/// A number in three decimals, whatever the locale.
func short(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
    return "\((value * 1000).rounded() / 1000)"
}
