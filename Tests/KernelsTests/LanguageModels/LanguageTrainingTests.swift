import Testing

@testable import Kernels

struct LanguageTrainingTests {
    @Test(arguments: LanguageScene.Model.allCases)
    func theGradientOfEveryWeightIsItsDifferenceQuotient(model: LanguageScene.Model) throws {
        let start = try model.transformer()
        let training = LanguageTraining(shape: start.shape, steps: 1, learningRate: LearningRate(peak: 1e-3))
        let batch = RandomTokens(rows: 3, length: 6, vocabulary: 13).batch(at: 0)
        let state = try LanguageTrainingState(training, rows: 3, length: 6, seed: 0, threads: 2)
        func loss(_ weights: StateDict) throws -> Double {
            for (name, tensor) in weights { state.weights.set(name, tensor) }
            return try state.gradients(of: batch)
        }
        _ = try loss(start.weights)
        let gradients = TransformerWeights(shape: start.shape)
        gradients.pointer.update(from: state.gradient.pointer, count: state.gradient.count)

        var numbers = Numbers(seed: 3)
        for (name, gradient) in gradients.stateDict.sorted(by: { $0.key < $1.key }) {
            let values = try #require(start.weights[name])
            let signs = values.values.map { _ in Bool.random(using: &numbers) ? Float(1) : -1 }
            let h = 0.01 / Float(signs.count).squareRoot()
            func total(_ distance: Float) throws -> Double {
                var moved = start.weights
                moved[name]?.values = zip(values.values, signs).map { $0 + distance * $1 }
                return try loss(moved)
            }
            let expected = try (total(h) - total(-h)) / Double(2 * h)
            let found = zip(gradient.values, signs).reduce(0) { $0 + Double($1.0 * $1.1) }
            let size = gradient.values.reduce(0) { $0 + Double($1 * $1) }.squareRoot()
            let tolerance = Double(signs.count).squareRoot() * (5e-3 * size + 3e-5)
            #expect(abs(found - expected) <= tolerance, "\(name): \(found) for \(expected)")
        }
    }

    @Test func trainingLearnsAndDoesNotDependOnThreads() throws {
        let shape = try LanguageScene.Model.tiedLlama.transformer().shape
        let training = LanguageTraining(shape: shape, steps: 150, learningRate: LearningRate(peak: 1e-2))
        let results = try [1, 2].map { threads in
            var losses: [Double] = []
            let result = try #require(
                try training.train(on: CountingTokens(), seed: 4, threads: threads) { _, loss in
                    losses.append(loss)
                    return true
                })
            return (result.model, result.loss, losses)
        }
        #expect(results[0].0 == results[1].0)
        #expect(results[0].2 == results[1].2)
        #expect(results[0].2[0] > 2.4)
        #expect(results[0].1 < 0.3)
        #expect(try training.train(on: CountingTokens(), seed: 4, threads: 1) { _, _ in false } == nil)
    }
}

/// Rows that count up from anywhere, which is easily learnt.
private struct CountingTokens: TokenSource {
    let length = 8
    func batch(at step: Int) -> TokenBatch {
        TokenBatch(
            rows: 70, length: length,
            tokens: (0..<70 * length).map { Int32((step * 5 + $0 / length * 7 + $0 % length) % 13) })
    }
    func evaluationBatch(_ index: Int) -> TokenBatch? { nil }
}
