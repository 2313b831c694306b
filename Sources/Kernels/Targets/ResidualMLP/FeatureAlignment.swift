import Metrics

/// How a residual MLP's features are divided among its subcomponents, one feature at a time.
///
/// Each layer computes a share of each feature, so a right decomposition has exactly one subcomponent of each layer's
/// mlp_in alight per feature, and about as many subcomponents of mlp_out in use as there are neurons.
public struct FeatureAlignment: Equatable, Sendable {
    /// For how many features exactly one subcomponent of each layer's mlp_in is alight.
    public let featuresWithOneInput: Int
    /// How many subcomponents of all layers' mlp_out are alight for any feature.
    public let outputsInUse: Int

    /// Both, by their logged names.
    var numbers: [NamedNumber] {
        [
            NamedNumber(.featuresWithOneInput, Double(featuresWithOneInput)),
            NamedNumber(.outputsInUse, Double(outputsInUse)),
        ]
    }

    /// A causal importance above this counts as alight.
    static let threshold: Float = 0.1
}

extension FeatureDecomposition {
    /// Looks at one feature at a time; nil unless the target is a residual MLP.
    ///
    /// - Throws: nothing in practice: the inputs fit the target.
    public func featureAlignment() throws(KernelError) -> FeatureAlignment? {
        guard target.target is ResidualMLPTarget else { return nil }
        let features = target.features
        let importances = try causalImportances(of: oneFeatureAtATime).ci
        let c = settings.subcomponents
        // In how many layers a feature has exactly one alight.
        var layersWithOne = Array(repeating: 0, count: features)
        var (layers, outputs) = (0, 0)
        for (name, ci) in importances {
            let isAlight = ci.values.map { $0 > FeatureAlignment.threshold }
            if name.hasSuffix("mlp_in") {
                layers += 1
                for feature in 0..<features where isAlight[feature * c..<(feature + 1) * c].count(where: \.self) == 1 {
                    layersWithOne[feature] += 1
                }
            } else {
                outputs += (0..<c).count { component in (0..<features).contains { isAlight[$0 * c + component] } }
            }
        }
        let aligned = layers == 0 ? 0 : layersWithOne.count { $0 == layers }
        return FeatureAlignment(featuresWithOneInput: aligned, outputsInUse: outputs)
    }
}
