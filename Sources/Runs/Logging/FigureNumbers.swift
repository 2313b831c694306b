import Analysis
import Figures
import JSON
import Kernels
import Metrics
import WandB

/// What the figures of a step show, computed before the step changes it.
struct FigureNumbers: Sendable {
    /// Each decomposed module's numbers, in the model's order.
    private let modules: [ImportancePicture.Module]
    /// The value of the one active feature that heat maps are computed with.
    private let magnitude: Float
    /// What only language models have.
    private let language: LanguageFigures?

    /// Takes down what there is to see.
    ///
    /// - Parameters:
    ///   - picture: What there is.
    ///   - tokenNames: What tokens are called; nil: their numbers.
    init(_ picture: ImportancePicture, tokenNames: TokenNames? = nil) {
        modules = picture.modules
        language = picture.text.map { LanguageFigures(picture, text: $0, names: tokenNames ?? TokenNames()) }
        magnitude = picture.modules.lazy.compactMap(\.features?.magnitude).first ?? 0
    }

    /// The figures, by the published tool's names.
    ///
    /// - Parameter corner: The run and the step, for the corner of each.
    /// - Returns: The figures.
    func figures(corner: String = "") -> [Figure] {
        let histograms = modules.map { Panel.plot($0.importanceHistogram) }
        var figures = zip(modules, histograms).map {
            Figure(
                name: Picture.importances(of: $0.name).name, title: "Causal importances of a batch", panels: [$1])
        }
        if modules.count > 1 {
            figures.append(
                Figure(
                    name: Picture.batchImportances.name, title: "Causal importances of a batch",
                    panels: histograms, columns: Figure.columns(for: modules.count)))
        }
        figures.append(
            Figure(
                name: Picture.meanActivations.name, title: "How often each subcomponent is active",
                panels: modules.map { .plot($0.sortedActivations(of: language == nil ? "rows" : "positions")) },
                columns: Figure.columns(for: modules.count)))
        let maps = modules.compactMap(FeatureHeatMaps.init)
        if !maps.isEmpty { figures += heatMaps(maps) }
        figures += language?.all ?? []
        return figures.map { figure in
            var figure = figure
            figure.corner = corner
            return figure
        }
    }

    private func heatMaps(_ maps: [FeatureHeatMaps]) -> [Figure] {
        // A residual MLP's layers are rows: W_in next to W_out.
        let columns = maps.count > 1 && maps.allSatisfy(\.isOfLayer) ? 2 : 1
        let input = "input \(magnitude) in one feature at a time"
        // One scale for V, one for U, so panels below each other can be compared.
        let ranges = FeatureHeatMaps.ranges(maps)
        return [
            Figure(
                name: Picture.importances.name, title: "Causal importances (lower leaky), \(input)",
                panels: maps.map { .heatMap($0.importances(\.ci, .blues)) }, columns: columns),
            Figure(
                name: Picture.upperImportances.name, title: "Causal importances (upper leaky), \(input)",
                panels: maps.map { .heatMap($0.importances(\.ciUpper, .reds)) }, columns: columns),
            Figure(
                name: Picture.subcomponents.name, title: "Subcomponents' vectors",
                panels: maps.flatMap { $0.vectors(within: ranges) }.map(Panel.heatMap),
                columns: columns == 2 || maps.allSatisfy { $0.subcomponents <= 20 } ? 2 : 1),
        ]
    }

    /// The causal importances of a batch, as charts that can be looked at from step to step.
    var histograms: [(name: String, medium: Media)] {
        modules.map { module in
            let bins = module.ciBins
            let width = (bins.high - bins.low) / Double(bins.counts.count)
            let edges = (0...bins.counts.count).map { bins.low + width * Double($0) }
            return (module.name + "/ci", .histogram(edges: edges, counts: bins.counts.map(Double.init)))
        }
    }

    /// How active each subcomponent is, the most active of a module first.
    var table: Media {
        let rows = modules.flatMap { module in
            module.activations.enumerated().sorted { ($0.element, $1.offset) > ($1.element, $0.offset) }
                .map { index, activation -> [JSONValue] in
                    [.string(module.name), .number(index), .number(activation)]
                }
        }
        return .table(columns: ["module", "subcomponent", "mean_activation"], rows: rows)
    }
}

extension ImportancePicture.Module {
    fileprivate var ciBins: Bins {
        let (low, high) = importances.extent
        return Bins(importances, from: Double(min(low, 0)), to: Double(max(high, 1)))
    }

    /// Values at exactly zero and one are written out: those two bars would hide the rest.
    fileprivate var importanceHistogram: Plot {
        let (zeros, ones) = (importances.count { $0 == 0 }, importances.count { $0 == 1 })
        return .histogram(
            title: name, ciBins, valueLabel: "Causal importance",
            note: "\(importances.count) values: \(zeros) are 0, \(ones) are 1")
    }

    /// The same axes for all modules and steps, so a change is a change of the numbers.
    fileprivate func sortedActivations(of what: String) -> Plot {
        let values = activations.map(Double.init)
        let order = values.fallingOrder
        let sorted = order.map { values[$0] }
        let seen = sorted.prefix { $0 > 0 }
        return Plot(
            title: name, x: Axis("Rank", range: 0.5...Double(max(sorted.count, 1)) + 0.5),
            y: Axis("Share of \(what), ci > 0.1", range: 1e-5...1, isLogarithmic: true),
            layers: [
                .line(x: (1...max(seen.count, 1)).prefix(seen.count).map(Double.init), y: Array(seen)),
                .points(
                    x: (1...max(seen.count, 1)).prefix(seen.count).map(Double.init), y: Array(seen),
                    style: Style(radius: 1.6)),
            ], note: "\(sorted.count - seen.count) of \(sorted.count) are never active",
            tags: [.init(layer: 1, label: "subcomponent", values: order.prefix(seen.count).map(Double.init))])
    }
}

extension [Float] {
    /// The smallest and the largest of the finite values, or zeros.
    fileprivate var extent: (low: Float, high: Float) {
        var (low, high) = (Float.infinity, -Float.infinity)
        for value in self where value.isFinite {
            low = Swift.min(low, value)
            high = Swift.max(high, value)
        }
        return low <= high ? (low, high) : (0, 0)
    }
}
