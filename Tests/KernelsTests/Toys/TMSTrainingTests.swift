import Testing

@testable import Kernels

@Suite struct TMSTrainingTests {
    struct Kind: CustomTestStringConvertible, Sendable {
        var layers = 0
        var tied = true
        var hidden = TMSTraining.HiddenLayers.trained
        var biasAtZero = false
        var testDescription: String { "\(layers) layers \(hidden) tied \(tied) bias at zero \(biasAtZero)" }
    }

    private func training(_ kind: Kind, steps: Int) -> TMSTraining {
        TMSTraining(
            shape: TMSShape(features: 4, hidden: 2, hiddenLayers: kind.layers, tiedWeights: kind.tied),
            data: SparseFeatures(features: 4, activity: .independent(probability: 0.3), lowest: 0),
            batchSize: 12, steps: steps, learningRate: LearningRate(peak: 0.05, schedule: .linear),
            biasStartsAtZero: kind.biasAtZero, hiddenLayers: kind.hidden)
    }

    @Test(arguments: [
        Kind(), Kind(biasAtZero: true), Kind(tied: false), Kind(layers: 2, tied: false), Kind(layers: 1),
        Kind(layers: 1, hidden: .fixedIdentity), Kind(layers: 2, hidden: .fixedRandom),
    ])
    func trainingIsAdamWOnTheAbsoluteValuesOfTheInputs(kind: Kind) throws {
        let (steps, seed) = (5, 3)
        let training = training(kind, steps: steps)
        var untrained = training
        untrained.steps = 0
        let start = try #require(untrained.train(seed: seed) { _, _ in true }).target
        let fixed = start.stateDict.filter { $0.key.hasPrefix("hidden") && kind.hidden != .trained }
        var reference = ReferenceTraining(
            start.stateDict.filter { fixed[$0.key] == nil }.mapValues { Matrix($0) },
            tied: kind.tied ? ("linear1.weight", "linear2.weight") : nil
        ) { weights, batch in
            let all = weights.merging(fixed.mapValues { Matrix($0) }) { $1 }
            func weight(_ name: String) -> Matrix { all[name] ?? Matrix(zeros: 0, 0) }
            var x = batch * weight("linear1.weight").transposed
            for layer in 0..<kind.layers { x = x * weight("hidden_layers.\(layer).weight").transposed }
            let out = (x * weight("linear2.weight").transposed).adding(all["linear2.bias"]).map { max($0, 0) }
            return (batch.map(abs) - out).sumOfSquares / Double(out.values.count)
        }

        let trained = try #require(training.train(seed: seed) { _, _ in true })
        var loss = 0.0
        for step in 0..<steps {
            let batch = training.data.targetBatch(12, seed: seed, step: step)
            loss = reference.step(batch, rate: 0.05 * (1 - Double(step) / Double(steps)), t: step + 1)
        }

        #expect(abs(trained.loss - loss) < 1e-4 * loss)
        for (name, tensor) in trained.target.stateDict {
            if let expected = reference.weights[name] { expectClose(tensor, expected, 1e-3, name) }
            if let expected = fixed[name] { #expect(tensor == expected) }
        }
        if kind.hidden == .fixedIdentity {
            #expect(trained.target.hiddenLayers.allSatisfy { $0.values == [1, 0, 0, 1] })
        }
        if kind.tied { #expect(trained.target.linear2 == trained.target.linear1.transposed) }
    }

    @Test func weightsStartAsATorchLinears() throws {
        var training = training(Kind(tied: false), steps: 0)
        training.shape = TMSShape(features: 100, hidden: 25, hiddenLayers: 1, tiedWeights: false)
        training.data.features = 100
        let target = try #require(training.train(seed: 0) { _, _ in true }).target
        for (name, inputs) in [("linear1", 100.0), ("linear2", 25), ("hidden_layers.0", 25)] {
            let values = try #require(target.stateDict[name + ".weight"]).values.map(Double.init)
            let bound = 1 / inputs.squareRoot()
            #expect(values.allSatisfy { abs($0) <= bound })
            #expect((values.max() ?? 0) > 0.95 * bound && (values.min() ?? 0) < -0.95 * bound)
            #expect(abs(variance(values) / (bound * bound / 3) - 1) < 0.15)
        }
        #expect(target.bias.values.allSatisfy { abs($0) <= 0.2 && $0 != 0 })
        training.biasStartsAtZero = true
        #expect(try #require(training.train(seed: 0) { _, _ in true }).target.bias == Tensor(zeros: [100]))
    }

    @Test func someSeedRepresentsAllFeatures() throws {
        let training = TMSTraining(
            shape: TMSShape(features: 5, hidden: 2, hiddenLayers: 0, tiedWeights: true),
            data: SparseFeatures(features: 5, activity: .independent(probability: 0.05), lowest: 0),
            batchSize: 256, steps: 1500, learningRate: LearningRate(peak: 2e-2), biasStartsAtZero: false,
            hiddenLayers: .trained)
        var unrepresented: [[Int]] = []
        for seed in 0..<8 {
            let target = try #require(training.train(seed: seed) { _, _ in true }).target
            unrepresented.append(target.unrepresentedFeatures)
            if target.unrepresentedFeatures.isEmpty { return }
        }
        Issue.record("no seed of 8 represents all features: \(unrepresented)")
    }

    @Test func trainingStopsWhenItIsToldTo() {
        var steps: [Int] = []
        let result = training(Kind(), steps: 1000).train(seed: 0) { step, loss in
            steps.append(step)
            return loss.isFinite && step < 300
        }
        #expect(result == nil)
        #expect(steps == [0, 100, 200, 300])
    }

    @Test func aFeatureIsUnrepresentedWhoseOutputIsFarOffOrWhoseColumnIsShort() throws {
        func target(_ scales: [Float], _ back: [Float], bias: [Float]) throws -> TMSTarget {
            let size = scales.count
            func diagonal(_ values: [Float]) -> Tensor {
                Tensor(
                    shape: [size, size],
                    values: (0..<size * size).map { $0 % (size + 1) == 0 ? values[$0 / size] : 0 })
            }
            return try TMSTarget(
                stateDict: [
                    "linear1.weight": diagonal(scales), "linear2.weight": diagonal(back),
                    "linear2.bias": Tensor(shape: [size], values: bias),
                ],
                shape: TMSShape(features: size, hidden: size, hiddenLayers: 0, tiedWeights: false))
        }
        let (one, zero) = ([Float](repeating: 1, count: 5), [Float](repeating: 0, count: 5))
        #expect(try target(one, one, bias: zero).unrepresentedFeatures == [])
        #expect(try target(one, [1, 0, 1, 0.7, 0.59], bias: zero).unrepresentedFeatures == [1, 4])
        #expect(try target(one, one, bias: [0, 0, 0.31, 0.29, -0.31]).unrepresentedFeatures == [2, 4])
        #expect(
            try target([1, 1, 0.4, 0.6, -1], [1, 1, 2.5, 1.7, -1], bias: zero).unrepresentedFeatures == [2])
    }
}
