public import Kernels

/// How well a toy model of superposition represents its features, each alone at 0.75.
public struct TMSRepresentation: Equatable, Sendable {
    /// The input's value.
    public static let input: Float = 0.75

    /// Each feature's own output.
    public let outputs: [Float]
    /// Features that come out closer than 0.1, 0.3, or not even that.
    public let well: [Int], moderate: [Int], poor: [Int]

    /// Looks at each feature of a target.
    public init(_ target: TMSTarget) {
        let outputs = (0..<target.features).map { target.output(ofFeature: $0, at: Self.input)[$0] }
        let distances = outputs.map { abs($0 - Self.input) }
        self.outputs = outputs
        well = distances.indices.filter { distances[$0] < 0.1 }
        moderate = distances.indices.filter { distances[$0] >= 0.1 && distances[$0] < 0.3 }
        poor = distances.indices.filter { !(distances[$0] < 0.3) }
    }

    /// The cosines of all pairs of different features' columns, row after row.
    public static func pairwiseCosines(_ target: TMSTarget) -> [Float] {
        let rows = target.linear1.transposed
        let (f, h) = (rows.shape[0], rows.shape[1])
        let unit = (0..<f).map { feature in
            let row = rows.values[feature * h..<(feature + 1) * h].map { Double($0) }
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { $0 / max(length, 1e-12) }
        }
        return (0..<f).flatMap { a in
            (0..<f).filter { $0 != a }.map { b in Float(zip(unit[a], unit[b]).reduce(0) { $0 + $1.0 * $1.1 }) }
        }
    }
}
