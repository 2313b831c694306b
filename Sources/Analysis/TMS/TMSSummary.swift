public import Kernels

/// How well features were recovered, over the subcomponents that are large enough to mean something.
public struct TMSSummary: Equatable, Sendable {
    /// The largest cosine of each feature's column with a subcomponent's, and the lengths' ratio there.
    public let cosines: Spread, lengthRatios: Spread
    /// The mean of the output's biases.
    public let meanBias: Double
    /// The subcomponents of linear1 that were left out of the matching for their tiny norms.
    public let leftOut: [Int]
    /// How many subcomponents were matched.
    public let matched: Int

    /// Sums a decomposition up; nil if linear1 is not decomposed.
    public init?(_ target: TMSTarget, _ tensors: StateDict) {
        guard let all = RankOneMatrices(of: "linear1", in: tensors) else { return nil }
        let (alive, dead) = SubcomponentMatch.alive(all.norms)
        guard !alive.isEmpty else { return nil }
        let kept = RankOneMatrices(
            v: all.v.columns(alive), u: all.u.transposed.columns(alive).transposed)
        guard
            let analysis = TMSAnalysis(target, ["components.linear1.V": kept.v, "components.linear1.U": kept.u])
        else { return nil }
        cosines = Spread(analysis.maxCosines)
        lengthRatios = Spread(analysis.lengthRatios)
        meanBias = Spread(target.bias.values).mean
        (leftOut, matched) = (dead, alive.count)
    }
}
