import Testing

@testable import Kernels

struct FeatureAlignmentTests {
    /// One layer whose stream is the features themselves: subcomponent c of mlp_in reads feature c alone.
    @Test func aDecompositionWithOneSubcomponentPerFeatureIsSeenAsSuch() throws {
        let identity = Tensor(shape: [3, 3], values: [1, 0, 0, 0, 1, 0, 0, 0, 1])
        let target = ResidualMLPTarget(
            embedding: identity, unembedding: identity,
            layers: [.init(input: identity, inputBias: nil, output: identity, outputBias: nil)], activation: .relu)
        let settings = DecompositionSettings(
            subcomponents: 4, maskSamples: 1, gateNeurons: 0, sigmoid: .leakyHard,
            modulePatterns: ["layers.*"], coefficients: LossCoefficients(importanceMinimality: 0), pnorm: 1,
            outputLoss: .mse, steps: 1, batchSize: 4, learningRate: LearningRate(peak: 1), seed: 0)
        let data = SparseFeatures(features: 3, activity: .independent(probability: 0.5), lowest: -1)
        let decomposition = try FeatureDecomposition(
            target: .residualMLP(target), data: data, settings: settings, threads: 1)
        // V: the first three subcomponents read a feature each, the fourth none.
        let v = Tensor(shape: [3, 4], values: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0])
        let u = Tensor(shape: [4, 3], values: [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
        var tensors: StateDict = [:]
        for module in ["layers.0.mlp_in", "layers.0.mlp_out"] {
            tensors["components.\(module).V"] = v
            tensors["components.\(module).U"] = u
            tensors["gates.\(module).weight"] = Tensor(shape: [4], values: [1, 1, 1, 1])
            tensors["gates.\(module).bias"] = Tensor(zeros: [4])
        }
        try decomposition.setTrainedTensors(tensors)
        #expect(try decomposition.featureAlignment() == FeatureAlignment(featuresWithOneInput: 3, outputsInUse: 3))

        // The fourth lights up for every feature: none has exactly one any more, and mlp_out's is in use.
        for module in ["layers.0.mlp_in", "layers.0.mlp_out"] {
            tensors["gates.\(module).bias"] = Tensor(shape: [4], values: [0, 0, 0, 0.5])
        }
        try decomposition.setTrainedTensors(tensors)
        #expect(try decomposition.featureAlignment() == FeatureAlignment(featuresWithOneInput: 0, outputsInUse: 4))
    }
}
