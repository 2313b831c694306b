import Analysis
import Figures
import Kernels

/// What a residual MLP adds to an active feature: of the target, of the sum of its subcomponents, and of those that
/// causal importances let through.
struct ResponseFigures {
    private let activation: Activation
    private let features: Int
    private let models: [(name: String, responses: FeatureResponses)]

    /// Looks at a target and, if there is one, its decomposition.
    ///
    /// - Parameters:
    ///   - target: The target.
    ///   - tensors: The decomposition's trained tensors; nil for a target on its own.
    ///   - importances: The causal importances of inputs, where gates are at hand.
    init(_ target: ResidualMLPTarget, _ tensors: StateDict?, importances: FeatureResponses.Importances?) {
        activation = target.activation
        features = target.features
        var models = [("Target model", FeatureResponses(target))]
        if let tensors {
            models.append(("Sum of subcomponents", FeatureResponses(target, sumOf: tensors)))
            if let importances {
                models.append(
                    ("Masked by causal importance", FeatureResponses(target, maskedBy: importances, tensors)))
            }
        }
        self.models = models.map { (name: $0.0, responses: $0.1) }
    }

    /// - Throws: What computing causal importances throws.
    func all() throws -> [Figure] { [try whole(), try single(), try curve(), try curves()] }

    private static let title = "Response (output - input)"

    /// A feature that is shown on its own: the published one, if there are many.
    private var shown: Int { min(15, features - 1) }

    /// Every feature's response to each feature.
    private func whole() throws -> Figure {
        let matrices = try models.map {
            Matrix(try $0.responses.single(Array(repeating: 1, count: features)))
        }
        let range = HeatMap.symmetricRange(matrices)
        return Figure(
            name: "feature_responses", title: "\(Self.title) to input 1 in one feature at a time",
            panels: zip(models, matrices).enumerated().map { index, shown in
                .heatMap(
                    HeatMap(
                        title: shown.0.name, matrix: shown.1, colors: .blueWhiteRed, range: range,
                        valueLabel: "Response", columnLabel: "Output feature",
                        rowLabel: "Active feature", hasColorBar: index == models.count - 1))
            }, columns: Figure.columns(for: models.count))
    }

    /// All outputs' response to one feature.
    private func single() throws -> Figure {
        var inputs = Tensor(zeros: [1, features])
        inputs.values[shown] = 1
        let places = (0..<features).map(Double.init)
        let layers = try models.enumerated().map { index, model in
            Plot.Layer.points(
                x: places, y: try model.responses.responses(inputs).values.map(Double.init),
                style: .series(index, radius: 2.6 - 0.5 * Double(index), opacity: 0.75), name: model.name)
        }
        return Figure(
            name: "feature_response_single", title: "\(Self.title) to input 1 in feature \(shown)",
            panels: [
                .plot(
                    Plot(
                        title: "", x: Axis("Output feature"), y: Axis("Response"),
                        layers: [.rule(isVertical: false, at: 0)] + layers + [wanted(at: 1)]))
            ])
    }

    private func wanted(at amplitude: Float) -> Plot.Layer {
        .rule(
            isVertical: false, at: Double(activation(amplitude)),
            style: Style(color: .black, dash: [3, 2], width: 0.8), name: "\(activation.rawValue)(x)")
    }

    /// One feature's own response to inputs from -1 to 1.
    private func curve() throws -> Figure {
        let amplitudes = FeatureResponses.sweep(101)
        let layers = try models.enumerated().map { index, model in
            var inputs = Tensor(zeros: [amplitudes.count, features])
            for (row, amplitude) in amplitudes.enumerated() { inputs.values[row * features + shown] = amplitude }
            let found = try model.responses.responses(inputs).values
            return Plot.Layer.line(
                x: amplitudes.map(Double.init), y: amplitudes.indices.map { Double(found[$0 * features + shown]) },
                style: .series(index), name: model.name)
        }
        return Figure(
            name: "feature_response_curve", title: "\(Self.title) of feature \(shown) to itself",
            panels: [
                .plot(
                    Plot(
                        title: "", x: Axis("Input"), y: Axis("Response"),
                        layers: layers + [target(amplitudes)], aspect: 0.8))
            ])
    }

    private func target(_ amplitudes: [Float]) -> Plot.Layer {
        .line(
            x: amplitudes.map(Double.init), y: amplitudes.map { Double(activation($0)) },
            style: Style(color: .black, dash: [3, 2], width: 1), name: "\(activation.rawValue)(x)")
    }

    /// Every feature's own response.
    private func curves() throws -> Figure {
        let amplitudes = FeatureResponses.sweep(41)
        let found = try models.map { try $0.responses.curves(amplitudes).values.map(Double.init) }
        let low = min(found.joined().min() ?? 0, 0)
        let high = max(found.joined().max() ?? 1, 1)
        return Figure(
            name: "feature_response_curves", title: "\(Self.title) of every feature to itself",
            panels: zip(models, found).map { model, values in
                .plot(
                    Plot(
                        title: model.name, x: Axis("Input"), y: Axis("Response", range: low...high + 0.02),
                        layers: (0..<features).map { feature in
                            .line(
                                x: amplitudes.map(Double.init),
                                y: Array(values[feature * amplitudes.count..<(feature + 1) * amplitudes.count]),
                                style: Style(width: 0.7, opacity: 0.3), name: "")
                        } + [target(amplitudes)], aspect: 0.9,
                        tags: (0..<features).map { .init(layer: $0, label: "feature", values: [Double($0)]) }))
            }, columns: Figure.columns(for: models.count))
    }
}
