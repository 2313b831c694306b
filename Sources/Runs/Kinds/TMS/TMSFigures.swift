import Analysis
import Figures
import Kernels

/// The figures of a decomposed toy model of superposition.
struct TMSFigures {
    private let analysis: TMSAnalysis

    init(_ analysis: TMSAnalysis) { self.analysis = analysis }

    private var isFlat: Bool { analysis.targetWeights.shape[1] == 2 }
    private var hasHiddenLayers: Bool { !analysis.target.hiddenLayers.isEmpty }

    var all: [Figure] {
        (isFlat ? [vectors, network] : [])
            + (analysis.firstHiddenLayer.map { [hiddenLayers($0)] } ?? []) + [cosines]
    }

    /// Subcomponents of a smaller share of the largest norm are not drawn: the published threshold is absolute, and lets
    /// noise through where a run was short.
    private static let smallestShare = 0.05

    /// More panels than this are more than can be looked at: the largest are drawn, and how many there are is said.
    private static let mostPanels = 36

    /// Three panels next to each other are easy to read; of many there are four, so a figure has less than four
    /// screens.
    private static func columns(_ panels: Int) -> Int { panels > 12 ? 4 : 3 }

    private static func omission(_ panels: Int) -> String {
        panels > mostPanels ? "; the largest \(mostPanels - 2) of \(panels - 2) subcomponents" : ""
    }

    private func isDrawn(_ component: Int?) -> Bool {
        component.map { analysis.norms[$0] >= Self.smallestShare * (analysis.norms.max() ?? 0) } ?? true
    }

    /// How wide the gap is between what is drawn and what is not.
    private var gap: String {
        let largest = analysis.norms.max() ?? 0
        let shares = analysis.norms.map { largest > 0 ? $0 / largest : 0 }
        let (drawn, rest) = (shares.filter { $0 >= Self.smallestShare }, shares.filter { $0 < Self.smallestShare })
        guard let least = drawn.min(), let most = rest.max() else { return "" }
        func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
        return "\(rest.count) left out: norms up to \(percent(most)) of the largest, shown from \(percent(least))"
    }

    /// The features in hidden space: of the target, of the sum, and of each subcomponent.
    private var vectors: Figure {
        let drawn = analysis.panels.filter { isDrawn($0.component) }
        let panels = drawn.prefix(Self.mostPanels)
        let reach = Double(panels.reduce(0) { $1.weights.values.reduce($0) { max($0, abs($1)) } }) * 1.35
        let features = analysis.targetWeights.shape[0]
        return Figure(
            name: "tms_vectors",
            title: "linear1: the target, and the subcomponents that sum to it" + Self.omission(drawn.count),
            panels: panels.enumerated().map { index, panel in
                let points = (0..<features).map {
                    (x: Double(panel.weights.values[2 * $0]), y: Double(panel.weights.values[2 * $0 + 1]))
                }
                let limits = -max(reach, 1e-3)...max(reach, 1e-3)
                return .plot(
                    Plot(
                        title: panel.title, x: Axis("Hidden unit 0", range: limits),
                        y: Axis("Hidden unit 1", range: limits),
                        layers: [.rule(isVertical: true, at: 0), .rule(isVertical: false, at: 0)]
                            + points.enumerated().map { .line(x: [0, $1.x], y: [0, $1.y], style: Self.solid($0)) }
                            + points.enumerated().map { .points(x: [$1.x], y: [$1.y], style: .series($0, radius: 2.4)) }
                            // Named once: the colours and markers are the same in every panel.
                            + (index == 0
                                ? [
                                    .words(
                                        points.enumerated().map {
                                            let place = Self.beyond($1, by: 0.22 * limits.upperBound)
                                            return .init(x: place.x, y: place.y, text: String($0))
                                        })
                                ] : []),
                        aspect: 1, note: index == 1 ? gap : "",
                        // Two rules, then the lines, then the points.
                        tags: points.indices.flatMap { feature in
                            [feature + 2, feature + 2 + features].map {
                                .init(layer: $0, label: "feature", values: [Double(feature)])
                            }
                        }))
            }, columns: Self.columns(panels.count))
    }

    /// A place behind the end of a line from the origin, so far that a name there does not touch its marker.
    private static func beyond(_ point: (x: Double, y: Double), by distance: Double) -> (x: Double, y: Double) {
        let length = (point.x * point.x + point.y * point.y).squareRoot()
        guard length > 0 else { return (0, distance) }
        return (point.x * (1 + distance / length), point.y * (1 + distance / length))
    }

    private static func solid(_ feature: Int) -> Style {
        var style = Style.series(feature)
        style.dash = []
        return style
    }

    /// The whole networks, each module's subcomponents apart: those of the same index in two modules are no pair.
    private var network: Figure {
        let all = analysis.modulePanels(smallestShare: Self.smallestShare)
        let networks = Self.strongest(all)
        let depth = Double(2 + analysis.target.hiddenLayers.count)
        // One scale for all: noise is not drawn as strong as the target.
        let largest = networks.reduce(0) { $1.lines.reduce($0) { max($0, abs($1.weight)) } }
        return Figure(
            name: hasHiddenLayers ? "tms_full_network" : "tms_combined_diagram",
            title: "The network: the target, and each module's subcomponents by index" + Self.omission(all.count),
            panels: networks.enumerated().map { index, network in
                let shown = network.lines.map { (line: $0, strength: largest > 0 ? abs($0.weight) / largest : 0) }
                    .filter { $0.strength >= 0.01 }.sorted { $0.strength < $1.strength }
                return .plot(
                    Plot(
                        title: network.title, x: Axis("", range: 0...1), y: Axis("", range: -depth - 0.1...0.1),
                        layers: shown.map { line, strength in
                            .line(
                                x: [line.from.x, line.to.x], y: [line.from.y, line.to.y],
                                style: Self.edge(isNegative: line.weight < 0, strength: Double(strength)))
                        } + [nodes(depth)] + (index == 0 ? Self.legend : []), aspect: 1.1, hidesAxes: true,
                        tags: shown.enumerated().flatMap { place, shown -> [Plot.Tag] in
                            [
                                .init(layer: place, label: "from", values: [Double(shown.line.source)]),
                                .init(layer: place, label: "to", values: [Double(shown.line.sink)]),
                                .init(layer: place, label: "weight", values: [Double(shown.line.weight)]),
                            ]
                        }))
            }, columns: Self.columns(networks.count))
    }

    /// The target, the sum, and the subcomponents with the largest weights, in their order.
    private static func strongest(_ networks: [TMSAnalysis.NetworkPanel]) -> [TMSAnalysis.NetworkPanel] {
        guard networks.count > mostPanels else { return networks }
        let weights = networks.map { $0.lines.reduce(0) { max($0, Double(abs($1.weight))) } }
        let kept = Set(Array(weights.dropFirst(2)).fallingOrder.prefix(mostPanels - 2).map { $0 + 2 })
        return networks.indices.filter { $0 < 2 || kept.contains($0) }.map { networks[$0] }
    }

    private static func edge(isNegative: Bool, strength: Double) -> Style {
        Style(
            color: Style.series(isNegative ? 1 : 0).color, dash: isNegative ? [3, 1.5] : [],
            width: 0.4 + 1.6 * strength, opacity: 0.15 + 0.85 * strength)
    }

    private static let legend = [(false, "positive"), (true, "negative (dashed)")].map { isNegative, name in
        Plot.Layer.line(x: [], y: [], style: edge(isNegative: isNegative, strength: 1), name: name)
    }

    private func nodes(_ depth: Double) -> Plot.Layer {
        let (features, hidden) = (analysis.targetWeights.shape[0], analysis.targetWeights.shape[1])
        let outer = NetworkPicture.spaced(0.1, 0.9, features)
        let inner = NetworkPicture.spaced(0.2, 0.8, hidden)
        let rows = (0...Int(depth)).map { $0 == 0 || $0 == Int(depth) ? outer : inner }
        return .points(
            x: rows.flatMap { $0 }, y: rows.enumerated().flatMap { row, xs in xs.map { _ in -Double(row) } },
            style: Style(color: .black, radius: 2.4))
    }

    private func hiddenLayers(_ layer: TMSAnalysis.HiddenLayer) -> Figure {
        let panels = layer.panels.prefix(Self.mostPanels)
        let matrices = panels.map { Matrix($0.weights) }
        let range = HeatMap.symmetricRange(matrices)
        return Figure(
            name: "tms_hidden_layers",
            title: "The first hidden layer, with Frobenius norms" + Self.omission(layer.panels.count),
            panels: zip(panels, matrices).map { panel, matrix in
                let norm = matrix.values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
                return .heatMap(
                    HeatMap(
                        title: "\(panel.title): \(short(norm))", matrix: matrix, colors: .blueWhiteRed, range: range,
                        valueLabel: "Weight", columnLabel: "Output", rowLabel: "Input", showsValues: matrix.columns <= 6
                    ))
            }, columns: Self.columns(panels.count))
    }

    /// How close each feature's nearest subcomponent comes, in direction and in length.
    private var cosines: Figure {
        func panel(_ title: String, _ label: String, _ values: [Float]) -> Panel {
            .plot(
                Plot(
                    title: title, x: .indices("Feature", count: values.count),
                    y: Axis(label, range: 0...max(1.1, Double(values.max() ?? 1) * 1.05)),
                    layers: [
                        .bars(
                            edges: (0...values.count).map { Double($0) - 0.5 }, heights: values.map(Double.init),
                            style: Style(opacity: 0.7)),
                        .rule(isVertical: false, at: 1),
                    ], aspect: 0.35))
        }
        return Figure(
            name: "cosine_similarity_analysis", title: "Each feature's nearest subcomponent of linear1",
            panels: [
                panel("Direction", "Largest cosine", analysis.maxCosines),
                panel("Length there over the target's", "Ratio", analysis.lengthRatios),
            ])
    }
}
