import Figures
import JSON
import Kernels
import WandB

/// What the figures of a step show, computed before the step changes it.
struct FigureNumbers: Sendable {
    /// Each decomposed module's numbers, in the model's order.
    private struct Module {
        let name: String
        /// The causal importances of the step's batch, in any order.
        let ci: [Float]
        /// The fraction of rows in which each subcomponent is active.
        let activations: [Float]
        /// The causal importances of one feature at a time (features, C).
        let featureCI: Matrix
        let featureCIUpper: Matrix
        /// V (inputs, C).
        let v: Matrix
        /// U transposed (outputs, C).
        let u: Matrix

        var ciBins: Bins {
            let (low, high) = ci.extent
            return Bins(ci, from: Double(min(low, 0)), to: Double(max(high, 1)))
        }
    }

    private let modules: [Module]
    /// The value of the one active feature that heat maps are computed with.
    private static let magnitude: Float = 0.75

    /// Looks at a decomposition as it stands before its next step; nil if `goesOn`, asked between batches, said no.
    ///
    /// - Parameters:
    ///   - decomposition: What to look at; it is not changed.
    ///   - batches: Over how many batches activations are counted.
    ///   - goesOn: Whether to go on.
    /// - Throws: `missingTensor`, if the decomposition contradicts itself.
    init?(_ decomposition: Decomposition, batches: Int, goesOn: () -> Bool) throws(KernelError) {
        guard let activations = decomposition.activationFractions(batches: batches, goesOn: goesOn) else { return nil }
        let ofBatch = try decomposition.causalImportances(of: decomposition.batch)
        let features = decomposition.target.features
        var oneHot = Tensor(zeros: [features, features])
        for feature in 0..<features { oneHot.values[feature * features + feature] = Self.magnitude }
        let ofFeatures = try decomposition.causalImportances(of: oneHot)
        let tensors = decomposition.trainedTensors
        modules = try decomposition.modules.map { module throws(KernelError) in
            let name = module.name
            func found<Value>(_ value: Value?, _ what: String) throws(KernelError) -> Value {
                guard let value else { throw .missingTensor(name: "\(what) of \(name)") }
                return value
            }
            return Module(
                name: name, ci: try found(ofBatch.ci[name], "ci").values,
                activations: try found(activations[name], "activations"),
                featureCI: Matrix(try found(ofFeatures.ci[name], "ci")),
                featureCIUpper: Matrix(try found(ofFeatures.ciUpper[name], "ci_upper")),
                v: Matrix(try found(tensors["components.\(name).V"], "V")),
                u: Matrix(try found(tensors["components.\(name).U"], "U")).transposed)
        }
    }

    /// The figures, by the published tool's names.
    var figures: [Figure] {
        modules.map(importanceHistogram) + [
            activationHistograms,
            importanceHeatMaps(
                name: "causal_importances", title: "Causal importances, lower leaky", .blues, \.featureCI),
            importanceHeatMaps(
                name: "causal_importances_upper_leaky", title: "Causal importances, upper leaky", .reds,
                \.featureCIUpper),
            componentHeatMaps,
        ]
    }

    private func importanceHistogram(_ module: Module) -> Figure {
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
            name: "mean_component_activation_counts", title: "Mean activations: fraction of rows with ci > 0.1",
            histograms: modules.map { module in
                Histogram(
                    title: module.name,
                    bins: Bins(module.activations, from: 0, to: Double(module.activations.extent.high)),
                    valueLabel: "Mean activation")
            })
    }

    /// All modules on one scale, which holds at least 0 and 1 so that steps can be compared.
    private func importanceHeatMaps(
        name: String, title: String, _ colors: ColorMap, _ numbers: KeyPath<Module, Matrix>
    ) -> Figure {
        let extents = modules.map { $0[keyPath: numbers].values.extent }
        let range = extents.reduce(0...1) { min($0.lowerBound, $1.low)...max($0.upperBound, $1.high) }
        return Figure(
            name: name, title: "\(title) (input \(Self.magnitude) in one feature)",
            heatMaps: modules.map { module in
                let matrix = module[keyPath: numbers]
                return HeatMap(
                    title: module.name, matrix: matrix.permutingColumns(matrix.orderTowardsIdentity),
                    colors: colors, range: range, columnLabel: "Subcomponent (reordered)", rowLabel: "Input feature")
            })
    }

    /// V and U with their subcomponents in the order of the upper-leaky heat map.
    private var componentHeatMaps: Figure {
        Figure(
            name: "UV_matrices", title: "Subcomponents' vectors",
            heatMaps: modules.flatMap { module in
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
