import Analysis
import Figures
import Kernels

/// The heat maps of a module whose inputs are features.
struct FeatureHeatMaps: Sendable {
    private let name: String
    private let features: ImportancePicture.FeatureMaps
    private let activations: [Float]
    /// V (inputs, C), from features on where the module reads a stream that they are embedded in.
    private let v: Tensor
    /// U transposed (outputs, C), down to features where the module writes to such a stream.
    private let u: Tensor

    /// Takes down a module's numbers; nil if it has none of features.
    init?(_ module: ImportancePicture.Module) {
        guard let features = module.features else { return nil }
        (name, self.features, activations) = (module.name, features, module.activations)
        let (stream, u) = (features.stream, features.u.transposed)
        v = stream.flatMap { $0.side == .reads ? $0.embedding.times(features.v) : nil } ?? features.v
        self.u = stream.flatMap { $0.side == .writes ? $0.embedding.times(u) : nil } ?? u
    }

    /// Whether the module reads or writes a stream that features are embedded in.
    var isOfLayer: Bool { features.stream != nil }

    /// C.
    var subcomponents: Int { features.v.shape[1] }

    /// The scales that hold all modules' V, and all modules' U.
    static func ranges(_ maps: [FeatureHeatMaps]) -> (v: ClosedRange<Float>, u: ClosedRange<Float>) {
        (HeatMap.symmetricRange(maps.map { Matrix($0.v) }), HeatMap.symmetricRange(maps.map { Matrix($0.u) }))
    }

    /// Features by subcomponents in an order that comes near to the identity, named by their true indices.
    ///
    /// - Parameters:
    ///   - numbers: Which importances.
    ///   - colors: Their colours, from 0 to 1 at every step.
    /// - Returns: The heat map.
    func importances(_ numbers: KeyPath<ImportancePicture.FeatureMaps, Tensor>, _ colors: ColorMap) -> HeatMap {
        let tensor = features[keyPath: numbers]
        let order = ColumnOrder(tensor).columns
        return HeatMap(
            title: name, matrix: Matrix(tensor.columns(order)), colors: colors, range: 0...1,
            valueLabel: "Causal importance", columnLabel: "Subcomponent", rowLabel: "Feature",
            columnNames: order.map(String.init))
    }

    /// V and U with their subcomponents in the order of the upper-leaky importances; dead ones are pale.
    ///
    /// - Parameter ranges: The scales of all modules' V and U.
    /// - Returns: A heat map of each.
    func vectors(within ranges: (v: ClosedRange<Float>, u: ClosedRange<Float>)) -> [HeatMap] {
        let order = ColumnOrder(features.ciUpper).columns
        let norms = RankOneMatrices(v: features.v, u: features.u).norms.map { Float($0) }
        let (reads, writes) = (features.stream?.side == .reads, features.stream?.side == .writes)
        func map(_ title: String, _ tensor: Tensor, _ range: ClosedRange<Float>, rows: String) -> HeatMap {
            HeatMap(
                title: title, matrix: Matrix(tensor.columns(order)), colors: .blueWhiteRed, range: range,
                valueLabel: "Weight", columnLabel: "Subcomponent (bar: norm)", rowLabel: rows,
                columnNames: order.map(String.init), columnBars: order.map { norms[$0] },
                fadedColumns: order.map { activations.indices.contains($0) && activations[$0] == 0 })
        }
        return [
            map("\(name): \(reads ? "W_E V" : "V")", v, ranges.v, rows: reads ? "Feature" : "Input"),
            map("\(name): \(writes ? "U W_E^T" : "U")", u, ranges.u, rows: writes ? "Feature" : "Output"),
        ]
    }
}

extension Matrix {
    init(_ tensor: Tensor) {
        self.init(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.values)
    }
}
