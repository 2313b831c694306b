import Figures
import JSON
import Kernels
import Metrics
import WandB

/// What the figures of a step show, computed before the step changes it.
struct FigureNumbers: Sendable {
    /// A decomposed module's matrices.
    private struct Maps {
        let name: String
        /// The causal importances of one feature at a time (features, C).
        let featureCI: Matrix
        let featureCIUpper: Matrix
        /// V (inputs, C).
        let v: Matrix
        /// U transposed (outputs, C).
        let u: Matrix
    }

    /// Each decomposed module's numbers, in the model's order.
    private let modules: [ImportancePicture.Module]
    /// Those of modules whose inputs are features.
    private let maps: [Maps]
    /// The value of the one active feature that heat maps are computed with.
    private let magnitude: Float

    /// Takes down what there is to see.
    init(_ picture: ImportancePicture) {
        modules = picture.modules
        magnitude = picture.modules.lazy.compactMap(\.features?.magnitude).first ?? 0
        maps = picture.modules.compactMap { module in
            module.features.map {
                Maps(
                    name: module.name, featureCI: Matrix($0.ci), featureCIUpper: Matrix($0.ciUpper),
                    v: Matrix($0.v), u: Matrix($0.u).transposed)
            }
        }
    }

    /// The figures, by the published tool's names.
    var figures: [Figure] {
        modules.map(importanceHistogram) + [activationHistograms] + (maps.isEmpty ? [] : heatMaps)
    }

    private var heatMaps: [Figure] {
        [
            importanceHeatMaps(
                name: Picture.importances.name, title: "Causal importances, lower leaky", .blues, \.featureCI),
            importanceHeatMaps(
                name: Picture.upperImportances.name, title: "Causal importances, upper leaky", .reds,
                \.featureCIUpper),
            componentHeatMaps,
        ]
    }

    private func importanceHistogram(_ module: ImportancePicture.Module) -> Figure {
        Figure(
            name: "mask_vals_" + module.name, title: "Causal importances of a batch",
            histograms: [Histogram(title: module.name, bins: module.ciBins, valueLabel: "Causal importance")])
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

    private var activationHistograms: Figure {
        Figure(
            name: Picture.meanActivations.name, title: "Mean activations: fraction of rows with ci > 0.1",
            histograms: modules.map { module in
                Histogram(
                    title: module.name,
                    bins: Bins(module.activations, from: 0, to: Double(module.activations.extent.high)),
                    valueLabel: "Mean activation")
            })
    }

    /// All modules on one scale, which holds at least 0 and 1 so that steps can be compared.
    private func importanceHeatMaps(
        name: String, title: String, _ colors: ColorMap, _ numbers: KeyPath<Maps, Matrix>
    ) -> Figure {
        let extents = maps.map { $0[keyPath: numbers].values.extent }
        let range = extents.reduce(0...1) { min($0.lowerBound, $1.low)...max($0.upperBound, $1.high) }
        return Figure(
            name: name, title: "\(title) (input \(magnitude) in one feature)",
            heatMaps: maps.map { module in
                let matrix = module[keyPath: numbers]
                return HeatMap(
                    title: module.name, matrix: matrix.permutingColumns(matrix.orderTowardsIdentity),
                    colors: colors, range: range, columnLabel: "Subcomponent (reordered)", rowLabel: "Input feature")
            })
    }

    /// V and U with their subcomponents in the order of the upper-leaky heat map.
    private var componentHeatMaps: Figure {
        Figure(
            name: Picture.subcomponents.name, title: "Subcomponents' vectors",
            heatMaps: maps.flatMap { module in
                let order = module.featureCIUpper.orderTowardsIdentity
                return [("V", module.v, "Input"), ("U, transposed", module.u, "Output")].map { name, matrix, rows in
                    let (low, high) = matrix.values.extent
                    let largest = max(-low, high)
                    return HeatMap(
                        title: "\(module.name): \(name)", matrix: matrix.permutingColumns(order),
                        colors: .blueWhiteRed, range: -largest...largest, columnLabel: "Subcomponent (reordered)",
                        rowLabel: rows)
                }
            })
    }
}

extension ImportancePicture.Module {
    fileprivate var ciBins: Bins {
        let (low, high) = importances.extent
        return Bins(importances, from: Double(min(low, 0)), to: Double(max(high, 1)))
    }
}

extension Matrix {
    fileprivate init(_ tensor: Tensor) {
        self.init(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.values)
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
