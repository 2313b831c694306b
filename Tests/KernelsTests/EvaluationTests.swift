import Metrics
import Testing

@testable import Kernels

/// Looking at a decomposition between its steps.
@Suite struct EvaluationTests {
    private static let scenes = [
        Scene(network: .tms(layers: 1, tied: true), rows: .someEmpty(5), threads: 2),
        Scene(network: .tms(), sigmoid: .normal, gateNeurons: 0, subcomponents: 70, rows: .someEmpty(300)),
        Scene(network: .mlp(layers: 2, .gelu, inBias: true, outBias: true), rows: .someEmpty(7), threads: 3),
        Scene(network: .mlp(layers: 2), patterns: ["layers.1.mlp_in"], rows: .allEmpty(4)),
    ]

    @Test(arguments: scenes)
    func importancesAreThoseOfAStepOnTheSameRows(scene: Scene) throws {
        let stage = try Stage(scene, seed: 3)

        let found = try stage.decomposition.causalImportances(of: stage.given.batch)

        let expected = try stage.decomposition.replay(stage.given).capture
        #expect(Set(found.ci.keys) == Set(expected.ci.keys))
        for (module, ci) in expected.ci {
            expectClose(try #require(found.ci[module]), Matrix(ci), 1e-6, module)
            expectClose(
                try #require(found.ciUpper[module]), Matrix(try #require(expected.ciUpper[module])), 1e-6, module)
        }
    }

    @Test func anyNumberOfRowsIsEvaluated() throws {
        let stage = try Stage(Scene(network: .tms(), rows: .someEmpty(5), threads: 2), seed: 3)
        let once = try stage.decomposition.causalImportances(of: stage.given.batch)
        let none = try stage.decomposition.causalImportances(of: Tensor(zeros: [0, 4]))
        let often = try stage.decomposition.causalImportances(of: repeated(stage.given.batch, 200))

        #expect(none.ci["linear1"]?.shape == [0, 3])
        for (module, ci) in once.ci {
            expectClose(try #require(often.ci[module]), Matrix(repeated(ci, 200)), 1e-6, module)
        }
    }

    @Test func rowsOfAnotherLengthAreRefused() throws {
        let stage = try Stage(Scene(network: .tms()), seed: 3)

        #expect(throws: KernelError.wrongShape(tensor: "batch", found: [2, 9], expected: [5, 4])) {
            try stage.decomposition.causalImportances(of: Tensor(zeros: [2, 9]))
        }
    }

    @Test(arguments: [1, 2, 3])
    func activationFractionsCountTheImportancesOverATenth(threads: Int) throws {
        let decomposition = try FeatureDecomposition.example(
            Scene(network: .tms(layers: 1, tied: true), subcomponents: 5), seed: 6, batchSize: 70, threads: threads)
        try decomposition.advance(reporting: false)
        let batches = (0..<3).map { decomposition.evaluationBatch($0) }

        let fractions = try #require(decomposition.activationFractions(batches: 3) { true })

        #expect(Set(batches.map(\.values)).count == 3)
        #expect(!batches.contains(decomposition.batch))
        let importances = try batches.map { try decomposition.causalImportances(of: $0) }
        for module in decomposition.modules.map(\.name) {
            let rows = importances.flatMap { $0.ci[module]?.values ?? [] }
            let expected = (0..<5).map { component in
                Float(stride(from: component, to: rows.count, by: 5).count { rows[$0] > 0.1 }) / 210
            }
            #expect(fractions[module] == expected, "\(module)")
        }
        #expect(Set(fractions.values.joined()).count > 3, "the scene says something")
    }

    /// Batches too large to be looked at together are looked at in parts.
    @Test func activationFractionsOfLargeBatchesAreTheSameOnAnyNumberOfThreads() throws {
        func fractions(_ threads: Int) throws -> [String: [Float]] {
            let decomposition = try FeatureDecomposition.example(
                Scene(network: .tms(layers: 1, tied: true), subcomponents: 5), seed: 6, batchSize: 16_500,
                threads: threads)
            let found = try #require(decomposition.activationFractions(batches: 2) { true })
            for module in decomposition.modules.map(\.name) {
                let importances = try (0..<2).map {
                    try #require(
                        try decomposition.causalImportances(of: decomposition.evaluationBatch($0)).ci[module]
                    ).values
                }
                for component in 0..<5 {
                    let count = importances.reduce(0) { sum, rows in
                        sum + stride(from: component, to: rows.count, by: 5).count { rows[$0] > 0.1 }
                    }
                    let fraction = try #require(found[module])[component]
                    // Fits over other rows round otherwise.
                    #expect(abs(fraction - Float(count) / 33_000) < 1e-3, "\(module) \(component)")
                }
            }
            return found
        }
        #expect(try fractions(1) == fractions(3))
    }

    @Test func everyStepIsLookedAtWithOtherBatches() throws {
        let decomposition = try FeatureDecomposition.example(
            Scene(network: .tms()), seed: 0, batchSize: 200, rate: 0)
        let first = decomposition.evaluationBatch(0)
        try decomposition.advance(reporting: false)

        #expect(decomposition.evaluationBatch(0) != first)
    }

    @Test func theBatchIsTheOneThatTheNextStepIsTakenOn() throws {
        let scene = Scene(network: .tms(), coefficients: Scene.only(.recon))
        let decomposition = try FeatureDecomposition.example(scene, seed: 4, batchSize: 30)
        let other = try FeatureDecomposition.example(scene, seed: 4, batchSize: 30)
        for _ in 0..<3 {
            let given = GivenNumbers(batch: other.batch, uniforms: [:])
            let report = try #require(try decomposition.advance(reporting: true))
            #expect(try other.replay(given).report == report)
        }
    }

    @Test func anEvaluationThatIsNotToGoOnEndsBetweenBatches() throws {
        let decomposition = try FeatureDecomposition.example(Scene(network: .tms()), seed: 0, batchSize: 20)
        var asked = 0

        let result = decomposition.activationFractions(batches: 100) {
            asked += 1
            return asked < 4
        }

        #expect(result == nil)
        #expect(asked == 4)
    }

    @Test(arguments: [Scene(network: .tms(tied: true)), Scene(network: .mlp(layers: 2))])
    func lookingChangesNothing(scene: Scene) throws {
        let watched = try FeatureDecomposition.example(scene, seed: 8, batchSize: 40, threads: 2)
        let alone = try FeatureDecomposition.example(scene, seed: 8, batchSize: 40, threads: 2)
        for step in 0..<12 {
            let before = watched.state
            _ = watched.activationFractions(batches: 2) { true }
            _ = try watched.causalImportances(of: watched.batch)
            #expect(watched.state == before)

            let reports = try [watched, alone].map { try $0.advance(reporting: step % 3 == 0) }

            #expect(reports[0] == reports[1])
            #expect(watched.state == alone.state)
        }
        _ = watched.activationFractions(batches: 1) { true }
        #expect(try watched.evaluate() == alone.evaluate())
    }
}

extension FeatureDecomposition {
    /// One of the batches that activations are counted over.
    fileprivate func evaluationBatch(_ number: Int) -> Tensor {
        let rows = BatchRows(range: 0..<settings.batchSize, features: target.features)
        rows.draw(
            data, streams: .evaluation(seed: settings.seed, step: step, batch: number),
            joiningEmptyRows: false)
        return Tensor(
            shape: [settings.batchSize, target.features],
            values: Array(UnsafeBufferPointer(start: rows.values, count: settings.batchSize * target.features)))
    }
}
