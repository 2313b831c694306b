import Metrics

/// How well a decomposition found a matrix's columns; the published measures for toy models of superposition.
public struct FeatureRecovery: Equatable, Sendable {
    /// The mean over features of the largest cosine between a column of W and a subcomponent's.
    public let mmcs: Double
    /// The mean over features of that subcomponent's length relative to the column's.
    public let ml2r: Double

    /// Both, by their logged names.
    var numbers: [NamedNumber] { [NamedNumber(.meanMaxCosine, mmcs), NamedNumber(.meanLengthRatio, ml2r)] }
}

extension FeatureDecomposition {
    /// Compares linear1's subcomponents with its columns; nil unless the target is a TMS whose linear1 is decomposed.
    ///
    /// For feature j the subcomponent c is the one whose column U_c V_jc has the largest cosine with W_j.
    public var recovery: FeatureRecovery? {
        guard target.target is TMSTarget, let index = modules.firstIndex(where: { $0.name == "linear1" }) else {
            return nil
        }
        let (place, c) = (layout.modules[index], layout.subcomponents)
        let (v, u) = (parameters.pointer + place.v, parameters.pointer + place.u)
        let weight = modules[index].weight.values
        var (cosines, ratios) = (0.0, 0.0)
        for feature in 0..<place.inputs {
            let column = (0..<place.outputs).map { Double(weight[$0 * place.inputs + feature]) }
            let length = norm(column)
            var (best, bestRatio) = (-Double.infinity, 0.0)
            for component in 0..<c {
                let factor = Double(v[feature * c + component])
                let found = (0..<place.outputs).map { Double(u[component * place.outputs + $0]) * factor }
                let foundLength = norm(found)
                guard foundLength > 0 else { continue }
                let cosine = zip(column, found).reduce(0) { $0 + $1.0 * $1.1 } / (length * foundLength)
                if cosine > best { (best, bestRatio) = (cosine, foundLength / length) }
            }
            cosines += best
            ratios += bestRatio
        }
        return FeatureRecovery(mmcs: cosines / Double(place.inputs), ml2r: ratios / Double(place.inputs))
    }

    private func norm(_ vector: [Double]) -> Double {
        vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
}
