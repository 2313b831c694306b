import Metrics
import Testing

@testable import Kernels

@Suite struct RecoveryTests {
    /// A decomposition of linear1 with one subcomponent per column, at `places`, the others empty.
    private func exact(places: [Int], scale: Float = 1, _ change: (inout Tensor) -> Void = { _ in }) throws
        -> FeatureRecovery?
    {
        let scene = Scene(
            network: .tms(features: 4, hidden: 3), patterns: ["linear1"], gateNeurons: 0, subcomponents: 6)
        let decomposition = try FeatureDecomposition.example(scene, seed: 1, batchSize: 2)
        let weight = decomposition.modules[0].weight
        var tensors = decomposition.trainedTensors
        var (v, u) = (Tensor(zeros: [4, 6]), Tensor(zeros: [6, 3]))
        for (feature, c) in places.enumerated() {
            v.values[feature * 6 + c] = -2
            for out in 0..<3 { u.values[c * 3 + out] = scale * weight.values[out * 4 + feature] / -2 }
        }
        change(&v)
        tensors["components.linear1.V"] = v
        tensors["components.linear1.U"] = u
        try decomposition.setTrainedTensors(tensors)
        return decomposition.recovery
    }

    @Test(arguments: [[0, 1, 2, 3], [5, 0, 4, 2]])
    func anExactDecompositionRecoversEverything(places: [Int]) throws {
        let recovery = try #require(try exact(places: places))
        #expect(abs(recovery.mmcs - 1) < 1e-6)
        #expect(abs(recovery.ml2r - 1) < 1e-6)
    }

    @Test func aShrunkenDecompositionHasTheRightDirectionsButNotTheLengths() throws {
        let recovery = try #require(try exact(places: [0, 1, 2, 3], scale: 0.5))
        #expect(abs(recovery.mmcs - 1) < 1e-6)
        #expect(abs(recovery.ml2r - 0.5) < 1e-6)
    }

    @Test func aSubcomponentTurnedAroundDoesNotCount() throws {
        let recovery = try #require(
            try exact(places: [0, 1, 2, 3]) { v in v.values[0] = -v.values[0] })
        #expect(abs(recovery.mmcs - 0.5) < 1e-6)  // a cosine of -1 among four
        #expect(abs(recovery.ml2r - 1) < 1e-6)
    }

    @Test func onlyToyModelsWithLinear1DecomposedHaveOne() throws {
        #expect(
            try FeatureDecomposition.example(
                Scene(network: .tms(), patterns: ["linear2"]), seed: 0, batchSize: 2
            ).recovery == nil)
        #expect(try FeatureDecomposition.example(Scene(network: .mlp()), seed: 0, batchSize: 2).recovery == nil)
    }

    @Test func aShortDecompositionFindsTheFeatures() throws {
        let target = TMSTarget(
            linear1: Tensor(shape: [2, 2], values: [1, 0, 0, 1]), hiddenLayers: [],
            linear2: Tensor(shape: [2, 2], values: [1, 0, 0, 1]), bias: Tensor(zeros: [2]), tiedWeights: true)
        var coefficients = LossCoefficients(importanceMinimality: 1e-2)
        coefficients[.faithfulness] = 1
        coefficients[.stochasticRecon] = 1
        coefficients[.stochasticReconLayerwise] = 1
        let settings = DecompositionSettings(
            subcomponents: 4, maskSamples: 1, gateNeurons: 4, sigmoid: .leakyHard,
            modulePatterns: ["linear1", "linear2"], coefficients: coefficients, pnorm: 1, outputLoss: .mse,
            steps: 1500, batchSize: 128, learningRate: LearningRate(peak: 1e-2, schedule: .cosine), seed: 0)
        let data = SparseFeatures(features: 2, activity: .independent(probability: 0.3), lowest: 0)
        let decomposition = try FeatureDecomposition(
            target: .tms(target), data: data, settings: settings, threads: 1)
        let start = try #require(decomposition.recovery)
        for _ in 0..<settings.steps { try decomposition.advance(reporting: false) }
        let recovery = try #require(decomposition.recovery)
        #expect(start.mmcs < 0.99 || abs(start.ml2r - 1) > 0.2)
        #expect(recovery.mmcs > 0.99)
        #expect(abs(recovery.ml2r - 1) < 0.1)
    }
}
