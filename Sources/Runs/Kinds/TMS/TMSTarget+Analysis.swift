import Analysis
import Figures
import Kernels
import Metrics

extension TMSTarget: FeatureAnalysedTarget {
    typealias Kind = TMSRuns

    var model: TargetModel { .tms(self) }

    var figures: [Figure] { TMSTargetFigures(self).all }

    func figures(of weights: AnalysedWeights) -> [Figure] {
        figures + (TMSAnalysis(self, weights.tensors).map { TMSFigures($0).all } ?? [])
    }

    /// What layers read and write is told through the embedding.
    func featureEnd(of module: String, _ matrices: RankOneMatrices) -> FeatureEnd? {
        if module == "linear2" { return FeatureEnd("feature written", matrices.u.transposed) }
        // What a hidden layer reads of a feature that is active alone: what all layers before it make of it.
        var read = Tensor(identity: features)
        if module.hasPrefix("hidden_layers.") {
            read = linear1.transposed
            for layer in hiddenLayers.prefix(Int(module.dropFirst("hidden_layers.".count)) ?? 0) {
                read = read.times(layer.transposed)
            }
        }
        guard read.shape[1] == matrices.inputs else { return nil }
        return FeatureEnd("feature read", read.times(matrices.v))
    }

    func recovery(_ tensors: StateDict) -> RecoveryReport? {
        TMSSummary(self, tensors).map(RecoveryReport.init)
    }

    func addNumbers(to numbers: inout FigureCaseNumbers, of given: ToyFigureCase) {
        numbers.add(self, given.tensors)
    }
}

extension RecoveryReport {
    fileprivate init(_ summary: TMSSummary) {
        func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
        func number(_ key: String, _ name: String, _ spread: Spread) -> Number {
            Number(key: key, name: name, mean: finite(spread.mean), deviation: finite(spread.sampleDeviation))
        }
        let shown = summary.leftOut.prefix(8).map(String.init).joined(separator: ", ")
        let matches =
            summary.leftOut.isEmpty
            ? "all \(summary.matched) subcomponents of linear1 matched"
            : "\(summary.matched) subcomponents of linear1 matched; \(summary.leftOut.count) left out because of tiny norms "
                + "(below 5 % of the largest): \(shown)" + (summary.leftOut.count > 8 ? ", …" : "")
        self.init(
            numbers: [
                number("max_cosine", "largest cosine per feature", summary.cosines),
                number("l2_ratio", "length there over the target's", summary.lengthRatios),
                Number(key: "bias", name: "mean bias", mean: finite(summary.meanBias), deviation: nil),
            ], matched: summary.matched, leftOut: summary.leftOut,
            note: "mean ± deviation over features; \(matches)")
    }
}

extension Tensor {
    fileprivate init(identity size: Int) {
        self.init(zeros: [size, size])
        for place in 0..<size { values[place * size + place] = 1 }
    }
}
