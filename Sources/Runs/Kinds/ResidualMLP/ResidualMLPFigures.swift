import Analysis
import Figures
import Kernels

/// The figures of a decomposed residual MLP: what each neuron carries from a feature back to it.
struct ResidualMLPFigures {
    private let contributions: NeuronContributions

    init(_ contributions: NeuronContributions) { self.contributions = contributions }

    var all: [Figure] { [weights, pairs] }

    private var layers: Int { contributions.target.shape[0] }
    private var neurons: Int { contributions.target.shape[2] }

    /// The first ten features: every neuron's contribution in the target, and in the winning subcomponents.
    private var weights: Figure {
        let shown = min(10, contributions.target.shape[1])
        func panel(_ title: String, _ values: Tensor, words: [Plot.Word]) -> Panel {
            .plot(
                Plot(
                    title: title, x: Axis("Feature", range: -0.6...Double(shown) - 0.4, names: names(shown)),
                    y: Axis("Contribution", range: range(shown)),
                    layers: (0..<layers).map { layer in
                        let places = (0..<shown).flatMap { feature in
                            (0..<neurons).map { (feature, values.values[index(layer, feature, $0)]) }
                        }
                        return .points(
                            x: places.map { Double($0.0) }, y: places.map { Double($0.1) },
                            style: .series(layer, radius: 1.8, opacity: 0.5), name: "layer \(layer)")
                    } + [.words(words)], aspect: 0.6,
                    tags: (0..<layers).map { layer in
                        .init(
                            layer: layer, label: "neuron",
                            values: (0..<shown).flatMap { _ in neuronNames(layer) })
                    }))
        }
        let labels = contributions.labels(features: shown)
        func words(_ value: KeyPath<NeuronContributions.Label, Float>) -> [Plot.Word] {
            labels.map {
                .init(
                    x: Double($0.feature) + ($0.rank % 2 == 0 ? 0.3 : -0.3), y: Double($0[keyPath: value]),
                    text: String($0.neuron), color: .gray)
            }
        }
        return Figure(
            name: "resid_mlp_weights", title: "Contribution of each neuron to its own feature",
            panels: [
                panel("Target model", contributions.target, words: words(\.target)),
                panel("Winning subcomponent", contributions.winning, words: words(\.winning)),
                .table(
                    Table(
                        title: "Winning subcomponents, by feature", columns: ["layer"] + (0..<shown).map(String.init),
                        rows: contributions.winners.enumerated().map { layer, winners in
                            [String(layer)] + winners.prefix(shown).map(String.init)
                        },
                        numbers: [
                            .init(
                                "subcomponents", shape: [layers, shown],
                                values: contributions.winners.flatMap { $0.prefix(shown).map { Float($0) } })
                        ])),
            ])
    }

    /// Every contribution in the target against the same in the winner.
    private var pairs: Figure {
        let agreement = contributions.agreement
        let size = contributions.target.shape[1] * neurons
        let layers: [Plot.Layer] = (0..<layers).map { layer in
            let places = layer * size..<(layer + 1) * size
            return .points(
                x: places.map { Double(contributions.target.values[$0]) },
                y: places.map { Double(contributions.winning.values[$0]) },
                style: .series(layer, radius: 1.4, opacity: 0.3), name: "layer \(layer)")
        }
        let all = contributions.target.values + contributions.winning.values
        let (low, high) = (Double(all.min() ?? 0), Double(all.max() ?? 1))
        return Figure(
            name: "neuron_contribution_pairs", title: "Contributions of neurons: subcomponents against the target",
            panels: [
                .plot(
                    Plot(
                        title: "", x: Axis("Target model"), y: Axis("Winning subcomponent"),
                        layers: layers + [.line(x: [low, high], y: [low, high], style: .guide, name: "equal")],
                        aspect: 1,
                        note: "Correlation \(short(agreement.correlation)), slope \(short(agreement.slope))",
                        tags: (0..<self.layers).flatMap { layer -> [Plot.Tag] in
                            let features = 0..<contributions.target.shape[1]
                            return [
                                .init(
                                    layer: layer, label: "feature",
                                    values: features.flatMap { feature in
                                        Array(repeating: Double(feature), count: neurons)
                                    }),
                                .init(
                                    layer: layer, label: "neuron", values: features.flatMap { _ in neuronNames(layer) }),
                            ]
                        }))
            ])
    }

    /// Neurons are counted through all layers, as the published tool counts them.
    private func neuronNames(_ layer: Int) -> [Double] { (0..<neurons).map { Double(layer * neurons + $0) } }

    private func index(_ layer: Int, _ feature: Int, _ neuron: Int) -> Int {
        (layer * contributions.target.shape[1] + feature) * neurons + neuron
    }

    private func names(_ features: Int) -> [Double: String] {
        Dictionary(uniqueKeysWithValues: (0..<features).map { (Double($0), String($0)) })
    }

    /// One scale for both panels.
    private func range(_ features: Int) -> ClosedRange<Double> {
        let extents = [contributions.target, contributions.winning].map {
            NeuronContributions.extent($0, features: features)
        }
        let (low, high) = (Double(extents.map(\.low).min() ?? 0), Double(extents.map(\.high).max() ?? 1))
        let margin = max((high - low) * 0.06, 1e-3)
        return low - margin...high + margin
    }
}
