import Figures
import Kernels

/// The heat maps of a module whose inputs are features.
struct FeatureHeatMaps: Sendable {
    private let name: String
    /// The causal importances of one feature at a time (features, C).
    let featureCI: Matrix
    /// The same, as importance losses see them (features, C).
    let featureCIUpper: Matrix
    /// V (inputs, C), from features on where the module reads a stream that they are embedded in.
    let v: Matrix
    /// U transposed (outputs, C), down to features where the module writes to such a stream.
    let u: Matrix
    private let activations: [Float]
    private let norms: [Float]
    private let stream: StreamSide?

    /// Takes down a module's numbers; nil if it has none of features.
    init?(_ module: ImportancePicture.Module) {
        guard let features = module.features else { return nil }
        name = module.name
        featureCI = Matrix(features.ci)
        featureCIUpper = Matrix(features.ciUpper)
        v = Matrix(features.v)
        u = Matrix(features.u).transposed
        activations = module.activations
        norms = features.norms
        stream = features.stream
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
        let (reads, writes) = (stream == .reads, stream == .writes)
        return [
            vectors("\(name): \(reads ? "W_E V" : "V")", v, order, ranges.v, rows: reads ? "Feature" : "Input"),
            vectors("\(name): \(writes ? "U W_E^T" : "U")", u, order, ranges.u, rows: writes ? "Feature" : "Output"),
        ]
    }

    private func vectors(
        _ title: String, _ matrix: Matrix, _ order: [Int], _ range: ClosedRange<Float>, rows: String
    ) -> HeatMap {
        HeatMap(
            title: title, matrix: matrix.permutingColumns(order), colors: .blueWhiteRed, range: range,
            valueLabel: "Weight", columnLabel: "Subcomponent (bar: norm)", rowLabel: rows,
            columnNames: order.map(String.init), columnBars: order.map { norms[$0] },
            fadedColumns: order.map { activations.indices.contains($0) && activations[$0] == 0 })
    }
}

extension Matrix {
    fileprivate init(_ tensor: Tensor) {
        self.init(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.values)
    }
}
