import Metrics
import Testing

@testable import Kernels

@Suite struct ResidualMLPTrainingTests {
    struct Kind: CustomTestStringConvertible, Sendable {
        var layers = 1
        var activation = Activation.relu
        var biases = (false, false)
        var embedding = ResidualMLPTraining.Embedding.fixedRandom
        var labels = ResidualMLPTraining.Labels.actPlusResid
        var loss = ResidualMLPTraining.Loss.readoff
        var importance: Float = 1
        var threads = 1
        var testDescription: String {
            """
            \(layers) layers \(activation) biases \(biases) \(embedding) \(labels.rawValue) \(loss.rawValue) \
            importance \(importance) threads \(threads)
            """
        }
    }

    private func training(_ kind: Kind, steps: Int, finalBatches: Int = 3) -> ResidualMLPTraining {
        ResidualMLPTraining(
            shape: ResidualMLPShape(
                features: 3, embedding: kind.embedding == .fixedIdentity ? 3 : 2, neurons: 4,
                layers: kind.layers, activation: kind.activation, inBias: kind.biases.0,
                outBias: kind.biases.1),
            data: SparseFeatures(features: 3, activity: .independent(probability: 0.4), lowest: -1),
            batchSize: 10, steps: steps, learningRate: LearningRate(peak: 0.05, schedule: .raisedCosine),
            embedding: kind.embedding, labels: kind.labels, labelCoefficients: [1, 1.5, 1.9], loss: kind.loss,
            importance: kind.importance, finalBatches: finalBatches)
    }

    @Test(arguments: [
        Kind(), Kind(layers: 2, activation: .gelu, threads: 2), Kind(layers: 3, loss: .resid, threads: 3),
        Kind(biases: (true, true)), Kind(layers: 2, activation: .gelu, biases: (false, true), loss: .resid),
        Kind(activation: .gelu, biases: (true, false), importance: 0.7),
        Kind(embedding: .fixedIdentity, labels: .abs), Kind(embedding: .trained, loss: .readoff, threads: 2),
        Kind(layers: 2, activation: .gelu, embedding: .trained, loss: .resid),
        Kind(layers: 2, biases: (true, true), embedding: .trained, labels: .abs, importance: 0.8),
    ])
    func trainingIsAdamWTowardsTheLabels(kind: Kind) throws {
        let (steps, seed) = (5, 4)
        let start = try #require(
            try training(kind, steps: 0).train(seed: seed, threads: 1) { _, _ in true }
        ).target
        let fixed = start.stateDict.filter { $0.key.hasPrefix("W_") && kind.embedding != .trained }
            .mapValues { Matrix($0) }
        var reference = ReferenceTraining(
            start.stateDict.filter { fixed[$0.key] == nil }.mapValues { Matrix($0) }
        ) { weights, batch in Self.loss(kind, weights.merging(fixed) { $1 }, batch) }

        let training = training(kind, steps: steps)
        let trained = try #require(
            try training.train(seed: seed, threads: kind.threads) { _, _ in true })
        for step in 0..<steps {
            let rate = 0.05 * LearningRate(peak: 1, schedule: .raisedCosine).rate(at: step, of: steps)
            _ = reference.step(training.data.targetBatch(10, seed: seed, step: step), rate: rate, t: step + 1)
        }

        for (name, tensor) in trained.target.stateDict {
            if let expected = reference.weights[name] { expectClose(tensor, expected, 1e-3, name) }
            if let expected = fixed[name] { #expect(Matrix(tensor) == expected) }
        }
        let final = mean(
            (0..<3).map {
                let batch = training.data.targetBatch(10, seed: seed, step: steps + $0)
                return Self.loss(kind, reference.weights.merging(fixed) { $1 }, batch)
            })
        #expect(abs(trained.loss - final) < 1e-3 * final)
    }

    private static func loss(_ kind: Kind, _ weights: [String: Matrix], _ batch: Matrix) -> Double {
        func weight(_ name: String) -> Matrix { weights[name] ?? Matrix(zeros: 0, 0) }
        func act(_ x: Matrix) -> Matrix { x.map { kind.activation == .relu ? max($0, 0) : gelu($0) } }
        var stream = batch * weight("W_E")
        for layer in 0..<kind.layers {
            let name = "layers.\(layer)."
            let before = (stream * weight(name + "mlp_in.weight").transposed).adding(
                weights[name + "mlp_in.bias"])
            let added = act(before) * weight(name + "mlp_out.weight").transposed
            stream = stream + added.adding(weights[name + "mlp_out.bias"])
        }
        let coefficients = [Float(1), 1.5, 1.9].map(Double.init)
        let scaled = Matrix(batch.rows, 3) { batch[$0, $1] * coefficients[$1] }
        let labels = kind.labels == .abs ? scaled.map(abs) : act(scaled) + batch
        if kind.loss == .resid {
            return (stream - labels * weight("W_E")).sumOfSquares / Double(stream.values.count)
        }
        let difference = stream * weight("W_U") - labels
        let importances = [1, Double(kind.importance), Double(kind.importance * kind.importance)]
        let weighed = Matrix(difference.rows, 3) { difference[$0, $1] * difference[$0, $1] * importances[$1] }
        return weighed.values.reduce(0, +) / Double(weighed.values.count)
    }

    @Test func theEmbeddingHasUnitRowsAndIsUnembeddedByItsTransposed() throws {
        let target = try #require(
            try training(Kind(), steps: 3).train(seed: 2, threads: 1) { _, _ in true }
        ).target
        #expect(target.unembedding == target.embedding.transposed)
        let embedding = Matrix(target.embedding)
        for row in 0..<3 {
            #expect(
                abs(embedding[row, 0] * embedding[row, 0] + embedding[row, 1] * embedding[row, 1] - 1) < 1e-6)
        }
    }

    @Test(arguments: [1, 2])
    func trainingLowersTheLoss(threads: Int) throws {
        var training = training(Kind(layers: 2, embedding: .fixedIdentity), steps: 300)
        training.batchSize = 64
        training.shape.neurons = 12
        training.learningRate = LearningRate(peak: 1e-2, schedule: .raisedCosine)
        training.labelCoefficients = [1, 1, 1]
        var losses: [Double] = []
        let trained = try training.train(seed: 0, threads: threads) { _, loss in
            losses.append(loss)
            return true
        }
        #expect(losses.count == 16)  // every 20 steps and at the last
        #expect(try #require(trained).loss < 0.1 * losses[0])
    }

    @Test func trainingStopsWhenItIsToldTo() throws {
        let result = try training(Kind(), steps: 100).train(seed: 0, threads: 2) { step, _ in step < 40 }
        #expect(result == nil)
    }

    @Test func labelCoefficientsLieBetweenOneAndTwoAndFollowTheirSeed() {
        let coefficients = ResidualMLPTraining.labelCoefficients(features: 500, seed: 7)
        #expect(coefficients.count == 500 && coefficients.allSatisfy { $0 >= 1 && $0 < 2 })
        #expect(abs(mean(coefficients.map(Double.init)) - 1.5) < 0.06)
        #expect(coefficients == ResidualMLPTraining.labelCoefficients(features: 500, seed: 7))
        #expect(coefficients != ResidualMLPTraining.labelCoefficients(features: 500, seed: 8))
    }
}
