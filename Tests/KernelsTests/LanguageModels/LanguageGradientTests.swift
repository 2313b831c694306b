import Metrics
import Testing

@testable import Kernels

/// The gradients of language models' losses, of every kind of module in every architecture.
struct LanguageGradientTests {
    @Test(arguments: LanguageScene.all)
    func theGradientOfEachTensorIsItsDifferenceQuotient(scene: LanguageScene) throws {
        let start = try scene.decomposition()
        var numbers = Numbers(seed: 9)
        // In order of their names: a dictionary's own order is another one in every process, and so would the point be.
        let point = start.trainedTensors.sorted { $0.key < $1.key }.reduce(into: StateDict()) {
            $0[$1.key] = numbers.tensor($1.value.shape, -0.7..<0.7)
        }
        let uniforms = scene.uniforms(of: start, &numbers)
        func step(_ point: StateDict) throws -> (report: StepReport, capture: StepCapture) {
            let decomposition = try scene.decomposition()
            try decomposition.setTrainedTensors(point)
            return try decomposition.replay(on: decomposition.tokens.batch(at: 0), uniforms: uniforms)
        }
        let gradients = try step(point).capture.gradients

        for (name, values) in point.sorted(by: { $0.key < $1.key }) {
            let gradient = try #require(gradients[name])
            let signs = values.values.map { _ in Bool.random(using: &numbers) ? Float(1) : -1 }
            // Steps of this length leave the quotient's own error and the losses' rounding alike small.
            let h = 0.01 / Float(values.values.count).squareRoot()
            func total(_ distance: Float) throws -> Double {
                var moved = point
                moved[name]?.values = zip(values.values, signs).map { $0 + distance * $1 }
                return try step(moved).report.total
            }
            let expected = try (total(h) - total(-h)) / Double(2 * h)
            let found = zip(gradient.values, signs).reduce(0) { $0 + Double($1.0 * $1.1) }
            let size = gradient.values.reduce(0) { $0 + Double($1 * $1) }.squareRoot()
            let tolerance = Double(values.values.count).squareRoot() * (5e-3 * size + 3e-5)
            #expect(abs(found - expected) <= tolerance, "\(name): \(found) for \(expected)")
        }
    }

    /// With a single token to see, scores weigh nothing: no gradient of queries and keys comes from what they change.
    @Test(arguments: ["*.q_proj", "*.k_proj"]) func scoresOfASingleTokenHaveNoGradient(pattern: String) throws {
        var scene = LanguageScene(
            model: .gptNeo, patterns: [pattern], coefficients: LossCoefficients(importanceMinimality: 0))
        scene.coefficients[.stochasticRecon] = 1
        scene.coefficients[.reconLayerwise] = 1
        scene.length = 1
        let decomposition = try scene.decomposition()
        var numbers = Numbers(seed: 9)
        let uniforms = scene.uniforms(of: decomposition, &numbers)
        let capture = try decomposition.replay(on: decomposition.tokens.batch(at: 0), uniforms: uniforms).capture
        #expect(!capture.gradients.isEmpty)
        for (name, gradient) in capture.gradients {
            #expect(gradient.values.allSatisfy { $0 == 0 }, "\(name): \(gradient.values.map(abs).max() ?? 0)")
        }
    }

    /// V U = Wᵀ for every module: with every mask at 1 nothing changes.
    @Test(arguments: LanguageScene.Model.allCases)
    func subcomponentsThatSumToTheWeightsGiveTheTargetsOutput(model: LanguageScene.Model) throws {
        let names = try model.transformer().shape.modules.map(\.name)
        for patterns in [names] + names.map({ [$0] }) {
            let scene = LanguageScene(model: model, patterns: patterns, subcomponents: 16)
            let decomposition = try scene.decomposition()
            try decomposition.setTrainedTensors(scene.exactPoint(decomposition))

            let report = try decomposition.evaluate()

            let measures = Dictionary(uniqueKeysWithValues: report.measures.map { ($0.name, $0.value) })
            let divergence = try #require(measures["misc/unmasked_kl_loss_vs_target"])
            #expect(abs(divergence) < 1e-6, "\(patterns)")
            #expect(try #require(report.losses[.faithfulness]) < 1e-12)
            #expect(abs(try #require(report.losses[.outputRecon])) < 1e-6)
            let entropies = try (
                #require(measures["misc/unmasked_ce_loss_vs_labels"]),
                #require(measures["misc/target_ce_loss_vs_labels"])
            )
            #expect(abs(entropies.0 - entropies.1) < 1e-5)
        }
    }
}

extension LanguageScene {
    /// Uniform numbers for every mask.
    func uniforms(
        of decomposition: LanguageDecomposition, _ numbers: inout Numbers
    ) -> [GivenNumbers.Key: Tensor] {
        var result: [GivenNumbers.Key: Tensor] = [:]
        for term in [LossTerm.stochasticRecon, .stochasticReconLayerwise, .embeddingRecon] {
            for sample in 0..<maskSamples {
                for module in decomposition.model.modules {
                    result[.init(term: term, sample: sample, module: module.name)] = numbers.tensor(
                        [module.kind == .positions ? 1 : rows, length, subcomponents], 0..<1)
                }
            }
        }
        return result
    }

    /// Subcomponents whose sums are the weights: one factor is the weight, the other the identity.
    func exactPoint(_ decomposition: LanguageDecomposition) throws -> StateDict {
        var point = decomposition.trainedTensors
        let c = subcomponents
        for (index, module) in decomposition.model.modules.enumerated() {
            let weight = decomposition.subcomponents.weights[index]
            let values = weight.weight.values(0, module.inputs * module.outputs)
            let transposed =  // Wᵀ (inputs, outputs)
                weight.isTransposed
                ? values : Tensor(shape: [module.outputs, module.inputs], values: values).transposed.values
            var v = Tensor(zeros: [module.inputs, c])
            var u = Tensor(zeros: [c, module.outputs])
            if module.outputs <= c {
                for i in 0..<module.inputs {
                    for o in 0..<module.outputs { v.values[i * c + o] = transposed[i * module.outputs + o] }
                }
                for o in 0..<module.outputs { u.values[o * module.outputs + o] = 1 }
            } else {
                for i in 0..<module.inputs {
                    v.values[i * c + i] = 1
                    for o in 0..<module.outputs {
                        u.values[i * module.outputs + o] = transposed[i * module.outputs + o]
                    }
                }
            }
            point["components.\(module.name).V"] = v
            point["components.\(module.name).U"] = u
        }
        return point
    }
}
