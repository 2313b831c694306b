import Testing

@testable import Kernels

struct FeatureAlignmentTests {
    private static let patterns = ["layers.*"]

    /// Layers whose stream is the features themselves.
    private func decomposition(layers: Int, patterns: [String] = patterns) throws -> FeatureDecomposition {
        let identity = Tensor(shape: [3, 3], values: [1, 0, 0, 0, 1, 0, 0, 0, 1])
        let layer = ResidualMLPTarget.Layer(input: identity, inputBias: nil, output: identity, outputBias: nil)
        let target = ResidualMLPTarget(
            embedding: identity, unembedding: identity, layers: Array(repeating: layer, count: layers),
            activation: .relu)
        let settings = DecompositionSettings(
            subcomponents: 4, maskSamples: 1, gateNeurons: 0, sigmoid: .leakyHard, modulePatterns: patterns,
            coefficients: LossCoefficients(importanceMinimality: 0), pnorm: 1, outputLoss: .mse, steps: 1, batchSize: 4,
            learningRate: LearningRate(peak: 1), seed: 0)
        let data = SparseFeatures(features: 3, activity: .independent(probability: 0.5), lowest: -1)
        return try FeatureDecomposition(
            target: .residualMLP(target), data: data, settings: settings, threads: 1)
    }

    /// Subcomponent c of each module reads feature c alone, the fourth none; those of `alwaysAlight` light up for all.
    private func tensors(_ decomposition: FeatureDecomposition, alwaysAlight: Set<String> = []) -> StateDict {
        var tensors: StateDict = [:]
        for module in decomposition.moduleNames {
            tensors["components.\(module).V"] = Tensor(shape: [3, 4], values: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0])
            tensors["components.\(module).U"] = Tensor(shape: [4, 3], values: [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
            tensors["gates.\(module).weight"] = Tensor(shape: [4], values: [1, 1, 1, 1])
            tensors["gates.\(module).bias"] = Tensor(
                shape: [4], values: [0, 0, 0, alwaysAlight.contains(module) ? 0.5 : 0])
        }
        return tensors
    }

    @Test(arguments: [1, 2, 3]) func oneSubcomponentPerFeatureAndLayerIsSeenAsSuch(layers: Int) throws {
        let decomposition = try decomposition(layers: layers)
        try decomposition.setTrainedTensors(tensors(decomposition))
        #expect(
            try decomposition.featureAlignment()
                == FeatureAlignment(featuresWithOneInput: 3, outputsInUse: 3 * layers))
    }

    /// One more that lights up for every feature, in one layer: none has exactly one in each any more.
    @Test(arguments: [(1, 0), (2, 0), (2, 1)]) func oneTooManyInOneLayerIsSeen(layers: Int, layer: Int) throws {
        let decomposition = try decomposition(layers: layers)
        try decomposition.setTrainedTensors(tensors(decomposition, alwaysAlight: ["layers.\(layer).mlp_in"]))
        #expect(
            try decomposition.featureAlignment()
                == FeatureAlignment(featuresWithOneInput: 0, outputsInUse: 3 * layers))
    }

    @Test func outputsInUseAreCountedOverAllLayers() throws {
        let decomposition = try decomposition(layers: 2)
        try decomposition.setTrainedTensors(tensors(decomposition, alwaysAlight: ["layers.1.mlp_out"]))
        #expect(try decomposition.featureAlignment() == FeatureAlignment(featuresWithOneInput: 3, outputsInUse: 7))
    }

    @Test func nothingIsAlignedWhereNoMLPInIsDecomposed() throws {
        let decomposition = try decomposition(layers: 1, patterns: ["layers.*.mlp_out"])
        try decomposition.setTrainedTensors(tensors(decomposition))
        #expect(try decomposition.featureAlignment() == FeatureAlignment(featuresWithOneInput: 0, outputsInUse: 3))
    }
}
