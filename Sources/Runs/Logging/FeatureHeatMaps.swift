import Figures
import Kernels

/// The heat maps of a module whose inputs are features.
struct FeatureHeatMaps: Sendable {
    private let name: String
    /// The causal importances of one feature at a time (features, C).
    let featureCI: Matrix
    /// The same, as importance losses see them (features, C).
    let featureCIUpper: Matrix
    /// V (inputs, C).
    let v: Matrix
    /// U transposed (outputs, C).
    let u: Matrix
    private let activations: [Float]

    /// Takes down a module's numbers; nil if it has none of features.
    init?(_ module: ImportancePicture.Module) {
        guard let features = module.features else { return nil }
        name = module.name
        featureCI = Matrix(features.ci)
        featureCIUpper = Matrix(features.ciUpper)
        v = Matrix(features.v)
        u = Matrix(features.u).transposed
        activations = module.activations
    }

    /// C.
    var subcomponents: Int { featureCI.columns }

    /// Features by subcomponents in an order that comes near to the identity, named by their true indices.
    ///
    /// - Parameters:
    ///   - numbers: Which importances.
    ///   - colors: Their colours, from 0 to 1 at every step.
    /// - Returns: The heat map.
    func importances(_ numbers: KeyPath<FeatureHeatMaps, Matrix>, _ colors: ColorMap) -> HeatMap {
        let matrix = self[keyPath: numbers]
        let order = matrix.orderTowardsIdentity
        return HeatMap(
            title: name, matrix: matrix.permutingColumns(order), colors: colors, range: 0...1,
            valueLabel: "Causal importance", columnLabel: "Subcomponent", rowLabel: "Feature",
            columnNames: order.map(String.init))
    }

    /// V and U with their subcomponents in the order of the upper-leaky importances; dead ones are pale.
    ///
    /// - Parameter ranges: The scales of all modules' V and U.
    /// - Returns: A heat map of each.
    func vectors(within ranges: (v: ClosedRange<Float>, u: ClosedRange<Float>)) -> [HeatMap] {
        let order = featureCIUpper.orderTowardsIdentity
        let names = order.map(String.init)
        let isDead = order.map { activations.indices.contains($0) && activations[$0] == 0 }
        return [
            HeatMap(
                title: "\(name): V", matrix: v.permutingColumns(order), colors: .blueWhiteRed, range: ranges.v,
                valueLabel: "Weight", columnLabel: "Subcomponent (bar: norm)", rowLabel: "Input", columnNames: names,
                columnBars: order.map { norms[$0] }, fadedColumns: isDead),
            HeatMap(
                title: "\(name): U", matrix: u.permutingColumns(order), colors: .blueWhiteRed, range: ranges.u,
                valueLabel: "Weight", columnLabel: "Subcomponent (bar: norm)", rowLabel: "Output", columnNames: names,
                columnBars: order.map { norms[$0] }, fadedColumns: isDead),
        ]
    }

    /// The Frobenius norm of each subcomponent's rank-one matrix, |V_c| |U_c|.
    private var norms: [Float] {
        func lengths(_ matrix: Matrix) -> [Float] {
            var sums = [Float](repeating: 0, count: matrix.columns)
            for (place, value) in matrix.values.enumerated() { sums[place % matrix.columns] += value * value }
            return sums.map { $0.squareRoot() }
        }
        return zip(lengths(v), lengths(u)).map { $0 * $1 }
    }
}

extension Matrix {
    fileprivate init(_ tensor: Tensor) {
        self.init(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.values)
    }
}
