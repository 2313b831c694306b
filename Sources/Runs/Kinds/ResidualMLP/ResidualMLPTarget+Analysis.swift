import Analysis
import Figures
import Kernels

extension ResidualMLPTarget: FeatureAnalysedTarget {
    typealias Kind = ResidualMLPRuns

    var model: TargetModel { .residualMLP(self) }

    var figures: [Figure] {
        get throws { try ResponseFigures(self, nil, importances: nil).all() }
    }

    func figures(of weights: AnalysedWeights) throws -> [Figure] {
        let contributions = NeuronContributions.apply(to: self) ? NeuronContributions(self, weights.tensors) : nil
        let decomposition = try weights.decomposition()
        let responses = ResponseFigures(
            self, weights.tensors,
            importances: decomposition.map { decomposition in
                { inputs in try decomposition.causalImportances(of: inputs).ci }
            })
        let drawn = try responses.all().map { figure in
            var figure = figure
            if !weights.isTrainingKnown { figure.title += "; relu assumed" }
            return figure
        }
        return (contributions.map { ResidualMLPFigures($0).all } ?? []) + drawn
    }

    /// What layers read of and write into the stream is told through the embedding.
    func featureEnd(of module: String, _ matrices: RankOneMatrices) -> FeatureEnd? {
        if module.hasSuffix(".mlp_in"), embedding.shape[1] == matrices.inputs {
            FeatureEnd("feature read", embedding.times(matrices.v))
        } else if module.hasSuffix(".mlp_out"), unembedding.shape[0] == matrices.outputs {
            FeatureEnd("feature written", matrices.u.times(unembedding).transposed)
        } else {
            nil
        }
    }

    func addNumbers(to numbers: inout FigureCaseNumbers, of given: ToyFigureCase) throws {
        try numbers.add(self, given.tensors)
        try given.addStudy(&numbers)
    }
}
