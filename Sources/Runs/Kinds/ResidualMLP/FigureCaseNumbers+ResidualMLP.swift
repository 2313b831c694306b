import Analysis
import Artifacts
import Foundation
import JSON
import Kernels

extension FigureCaseNumbers {
    /// Adds the analysis of a residual MLP.
    ///
    /// Contributions are left out where there are biases or W_U is not W_E transposed, as they mean nothing there.
    mutating func add(_ target: ResidualMLPTarget, _ tensors: StateDict) throws {
        if NeuronContributions.apply(to: target), let contributions = NeuronContributions(target, tensors) {
            add(contributions)
        }
        let f = target.features
        let (ones, sweep) = (Array(repeating: Float(1), count: f), FeatureResponses.sweep(f))
        let amplitudes = FeatureResponses.curveAmplitudes
        for (name, model) in [
            ("target", FeatureResponses(target)), ("components", FeatureResponses(target, sumOf: tensors)),
        ] {
            let one = try model.single(ones)
            add("resid.response.\(name).one", one)
            add("resid.response.\(name).sweep", try model.single(sweep))
            if f > 15 {
                add("resid.response.\(name).single_15", Tensor(shape: [f], values: Array(one.values[15 * f..<16 * f])))
            }
            add("resid.response.\(name).curves", try model.curves(amplitudes))
        }
        add("resid.response.curve_x", Tensor(shape: [amplitudes.count], values: amplitudes))
        add("resid.response.label.one", Tensor(shape: [f], values: ones.map { target.activation($0) }))
        add("resid.response.label.sweep", Tensor(shape: [f], values: sweep.map { target.activation($0) }))
    }

    private mutating func add(_ name: String, _ tensor: Tensor) {
        add("analysis", whole: name, .init(shape: tensor.shape, tensor.values))
    }

    private mutating func add(_ contributions: NeuronContributions) {
        let (layers, f) = (contributions.target.shape[0], contributions.target.shape[1])
        add("resid.target_contributions", contributions.target)
        add("resid.component_max", contributions.componentMax)
        add(
            "analysis", whole: "resid.max_component",
            .init(shape: [layers, f], contributions.winners.flatMap { $0.map { Int64($0) } }))
        add("resid.component_contributions", contributions.winning)
        let shown = min(Self.shownFeatures, f)
        let extents = [contributions.target, contributions.winning].map {
            Self.withMargin(NeuronContributions.extent($0, features: shown))
        }
        let limits = [extents.map { $0[0] }.min() ?? 0, extents.map { $0[1] }.max() ?? 0]
        let labels = contributions.labels(features: shown)
        func panel(
            _ title: String, _ xLabel: String, _ ticks: [Int], _ y: (NeuronContributions.Label) -> Float
        ) -> JSONValue {
            .object([
                "title": .string(title), "xlabel": .string(xLabel), "xticklabels": .strings(ticks.map { "\($0)" }),
                "ylim": .numbers(limits),
                "labels": .array(
                    labels.map { label in
                        .object([
                            "x": .number(Double(label.feature)), "y": .number(Double(y(label))),
                            "text": .string("\(label.neuron)"),
                            "color": .string(Self.neuronColors[label.place % Self.neuronColors.count]),
                            "ha": label.rank % 2 == 0 ? "right" : "left",
                        ])
                    }),
            ])
        }
        set(
            "neuron_contributions_first_10",
            [
                panel(
                    "Target model", "Input feature index (first \(shown) shown)", Array(0..<shown), \.target),
                panel(
                    "Individual SPD subcomponents", "Subcomponent index",
                    Array(contributions.winners[0].prefix(shown)), \.winning),
            ])
        let agreement = contributions.agreement
        let all = [contributions.target, contributions.winning].map { Self.withMargin($0.extent) }
        let line = [min(all[0][0], all[1][0]), max(all[0][1], all[1][1])]
        set(
            "neuron_contribution_pairs",
            .object([
                "title": .string("\(f) input features, \(layers) layer\(layers == 1 ? "" : "s")"),
                "text": .string("Correlation: " + String(format: "%.3f", agreement.correlation)),
                "correlation": .number(agreement.correlation),
                "identity_line": [.numbers(line), .numbers(line)],
            ]))
    }

    /// How many features the picture of neurons shows.
    private static let shownFeatures = 10

    /// The published colours of neurons' numbers.
    private static let neuronColors = [
        "#E41A1C", "#377EB8", "#4DAF4A", "#984EA3", "#FF7F00", "#A65628", "#F781BF", "#1B9E77", "#D95F02", "#7570B3",
        "#66A61E",
    ]

    /// An axis's limits around values: a twentieth of their extent more at each end.
    private static func withMargin(_ extent: (low: Float, high: Float)) -> [Double] {
        let (low, high) = (Double(extent.low), Double(extent.high))
        let margin = 0.05 * (high - low)
        return [low - margin, high + margin]
    }
}
