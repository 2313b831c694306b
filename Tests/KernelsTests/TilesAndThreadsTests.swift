import CKernels
import Metrics
import Testing

@testable import Kernels

/// What must not matter: how rows are cut into tiles, joined and spread over threads.
@Suite struct TilesAndThreadsTests {
    /// A batch of copies has the means of one copy, wherever tiles and threads cut it.
    @Test(
        arguments: [
            Scene(network: .tms(layers: 1, tied: true), rows: .someEmpty(5)),
            Scene(network: .mlp(layers: 2), rows: .someEmpty(5)),
            Scene(network: .mlp(layers: 2, .gelu, inBias: true, outBias: true), rows: .someEmpty(5)),
            Scene(network: .tms(), outputLoss: .kl, subcomponents: 70, rows: .noneEmpty(5)),
        ], [1, 2, 3])
    func aBatchOfCopiesHasTheLossesAndGradientsOfOneCopy(scene: Scene, threads: Int) throws {
        let one = try Stage(scene, seed: 2)
        let copies = 113
        var many = one.given
        many.batch = repeated(many.batch, copies)
        many.uniforms = many.uniforms.mapValues { repeated($0, copies) }
        var settings = one.decomposition.settings
        settings.batchSize *= copies
        let decomposition = try FeatureDecomposition(
            target: one.decomposition.target, data: one.decomposition.data, settings: settings, threads: threads)
        try decomposition.setTrainedTensors(one.point)

        let expected = try one.decomposition.replay(one.given)
        let found = try decomposition.replay(many)

        expectEqualLosses(found.report, expected.report, 1e-5)
        #expect(found.report.alive == expected.report.alive)
        for (name, gradient) in expected.capture.gradients {
            expectClose(try #require(found.capture.gradients[name]), Matrix(gradient), 2e-5, name)
        }
        for (module, ci) in expected.capture.ci {
            expectClose(try #require(found.capture.ci[module]), Matrix(repeated(ci, copies)), 1e-6, module)
        }
    }

    /// With a bias, be it zero, rows of zeros cannot be joined into one.
    @Test(arguments: [1, 2], [OutputLoss.mse, .kl])
    func joiningTheRowsOfZerosChangesNothing(threads: Int, loss: OutputLoss) throws {
        let scene = Scene(
            network: .mlp(layers: 2, .gelu), outputLoss: loss, rows: .someEmpty(40), threads: threads)
        let joined = try Stage(scene, seed: 5)
        guard case .residualMLP(var target) = joined.decomposition.target else { return }
        for layer in target.layers.indices { target.layers[layer].inputBias = Tensor(zeros: [4]) }
        let apart = try FeatureDecomposition(
            target: .residualMLP(target), data: joined.decomposition.data, settings: joined.decomposition.settings,
            threads: threads)
        try apart.setTrainedTensors(joined.point)
        #expect(joined.decomposition.network.emptyRowsAreConstant)
        #expect(!apart.network.emptyRowsAreConstant)

        let (expected, found) = try (apart.replay(joined.given), joined.decomposition.replay(joined.given))

        expectEqualLosses(found.report, expected.report, 1e-5)
        #expect(found.report.l0 == expected.report.l0)
        for (name, gradient) in expected.capture.gradients {
            expectClose(try #require(found.capture.gradients[name]), Matrix(gradient), 2e-5, name)
        }
    }

    @Test(arguments: [Scene(network: .tms(tied: true), maskSamples: 2), Scene(network: .mlp(layers: 2))])
    func batchesAndMasksDoNotDependOnTheNumberOfThreads(scene: Scene) throws {
        let reports = try [1, 2, 3, 5].map { threads in
            let decomposition = try FeatureDecomposition.example(scene, seed: 11, batchSize: 70, threads: threads)
            return try #require(try decomposition.advance(reporting: true))
        }
        for report in reports.dropFirst() {
            expectEqualLosses(report, reports[0], 1e-5)
            #expect(report.alive == reports[0].alive)
            for (module, l0) in reports[0].l0 { #expect(abs((report.l0[module] ?? .nan) - l0) < 1e-9) }
            #expect(abs(report.gradientNorm - reports[0].gradientNorm) < 1e-5 * reports[0].gradientNorm)
        }
    }

    @Test(arguments: [1, 2, 3])
    func aSeedGivesTheSameBytesEveryTime(threads: Int) throws {
        func trained(seed: Int) throws -> DecompositionState {
            let scene = Scene(network: .tms(layers: 1, tied: true))
            let decomposition = try FeatureDecomposition.example(scene, seed: seed, batchSize: 40, threads: threads)
            for _ in 0..<50 { try decomposition.advance(reporting: false) }
            return decomposition.state
        }
        let state = try trained(seed: 3)
        #expect(try trained(seed: 3) == state)
        #expect(try trained(seed: 4) != state)
    }

    /// Ten tiles and more, of which more threads than cores take turns in adding up.
    @Test(
        arguments: [
            Scene(network: .tms(layers: 1, tied: true)), Scene(network: .mlp(layers: 2), maskSamples: 2),
            Scene(network: .mlp(layers: 3, .gelu, inBias: true, outBias: true), gateNeurons: 0),
            Scene(network: .tms(), outputLoss: .kl, subcomponents: 70),
        ], [true, false])
    func anyNumberOfThreadsGivesTheSameBytes(scene: Scene, interpolates: Bool) throws {
        var found: [(state: DecompositionState, report: StepReport?, picture: ImportancePicture?)] = []
        for threads in [1, 2, 3, 4, 8, 16, 64] {
            let decomposition = try FeatureDecomposition.example(
                scene, seed: 5, batchSize: 2600, threads: threads, interpolates: interpolates)
            for _ in 0..<3 { try decomposition.advance(reporting: false) }
            let report = try decomposition.advance(reporting: true)
            found.append((decomposition.state, report, try decomposition.picture(batches: 1) { true }))
        }
        for other in found.dropFirst() {
            #expect(other.state == found[0].state)
            #expect(other.report == found[0].report)
            #expect(other.picture == found[0].picture)
        }
    }

    /// Matrices so large that several threads share a tile's products, sums, masks and gates.
    @Test(
        arguments: [
            Scene(network: .mlp(features: 20, width: 24, neurons: 18, layers: 2), gateNeurons: 3, subcomponents: 272),
            Scene(
                network: .mlp(features: 70, width: 80, neurons: 60, .gelu, inBias: true, outBias: true),
                gateNeurons: 0, maskSamples: 2, subcomponents: 150),
            Scene(network: .tms(features: 90, hidden: 40, layers: 1), subcomponents: 260),
        ])
    func anyNumberOfThreadsThatShareTilesGivesTheSameBytes(scene: Scene) throws {
        var found: [(state: DecompositionState, report: StepReport?)] = []
        for threads in [1, 2, 3, 7, 21, 64] {
            let decomposition = try FeatureDecomposition.example(scene, seed: 5, batchSize: 700, threads: threads)
            try decomposition.advance(reporting: false)
            let report = try decomposition.advance(reporting: true)
            found.append((decomposition.state, report))
        }
        for other in found.dropFirst() {
            #expect(other.state == found[0].state)
            #expect(other.report == found[0].report)
        }
    }

    @Test(arguments: [1, 15, 16, 100, 128, 129, 300, 385, 927, 1314, 3570, 4096], [128, 256])
    func tilesHoldEachRowOnceAndAreSharedEvenly(count: Int, capacity: Int) {
        let rows = BatchRows(range: 0..<count, features: 1)
        let batch = [Float](repeating: 1, count: count)
        rows.copy(batch, joiningEmptyRows: false)
        let tiles = (0..<rows.tiles(of: capacity)).map { rows.range(ofTile: $0, of: capacity) }
        #expect(tiles.flatMap { Array($0) } == Array(0..<count))
        #expect(tiles.allSatisfy { !$0.isEmpty && $0.count <= capacity })
        // Whole vectors: all tiles but the last are as long as each other.
        #expect(Set(tiles.dropLast().map(\.count)).count <= 1)
        #expect(tiles.dropLast().allSatisfy { $0.count % 16 == 0 })
        guard count > 2 * capacity else { return }
        #expect(tiles.count % 4 == 0)
    }

    @Test(arguments: ["layers.9.mlp_in", "layers.0.mlp_out"])
    func oneModuleOfADeepModelHasRoomForAllItsSums(pattern: String) throws {
        let scene = Scene(network: .mlp(layers: 10), patterns: [pattern])
        let decomposition = try FeatureDecomposition.example(scene, seed: 0, batchSize: 20)
        let report = try #require(try decomposition.advance(reporting: true))
        #expect(report.l0.count == 1)
    }

    @Test(arguments: [1, 2, 5, 64])
    func piecesPassThroughASectionInTheirOrder(threads: Int) throws {
        let turns = try #require(ck_turns_create(2))
        defer { ck_turns_destroy(turns) }
        let team = try Team(threads: threads)
        for _ in 0..<3 {
            ck_turns_restart(turns)
            var (first, second): ([Int], [Int]) = ([], [])
            team.share(100) { piece in
                ck_turns_await(turns, 0, UInt32(piece))
                first.append(piece)
                ck_turns_pass(turns, 0)
                ck_turns_await(turns, 1, UInt32(piece))
                second.append(piece)
                ck_turns_pass(turns, 1)
            }
            #expect(first == Array(0..<100))
            #expect(second == first)
        }
    }

    @Test func everyStepDrawsAnotherBatchAndOtherMasks() throws {
        var scene = Scene(network: .tms(), coefficients: Scene.only(.stochasticRecon))
        scene.subcomponents = 4
        let decomposition = try FeatureDecomposition.example(scene, seed: 0, batchSize: 20, rate: 0)
        let reports = try (0..<4).map { _ in try #require(try decomposition.advance(reporting: true)) }
        #expect(Set(reports.map { $0.losses[.stochasticRecon] }).count == 4)
        #expect(Set(reports.map { $0.losses[.importanceMinimality] }).count == 4)
    }
}

extension FeatureDecomposition {
    /// A scene's decomposition with batches of its own instead of given ones.
    static func example(
        _ scene: Scene, seed: Int, batchSize: Int, threads: Int = 1, steps: Int = 100, rate: Double = 1e-2,
        interpolates: Bool = true
    ) throws -> FeatureDecomposition {
        let stage = try Stage(scene, seed: seed)
        var settings = stage.decomposition.settings
        settings.batchSize = batchSize
        settings.steps = steps
        settings.interpolatesGates = interpolates
        settings.learningRate = LearningRate(peak: rate, schedule: .cosine)
        return try FeatureDecomposition(
            target: stage.decomposition.target, data: stage.decomposition.data, settings: settings, threads: threads)
    }
}

func repeated(_ tensor: Tensor, _ times: Int) -> Tensor {
    Tensor(
        shape: [tensor.shape[0] * times] + tensor.shape.dropFirst(),
        values: Array(repeatElement(tensor.values, count: times).joined()))
}

func expectEqualLosses(
    _ found: StepReport, _ expected: StepReport, _ tolerance: Double,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(Set(found.losses.keys) == Set(expected.losses.keys), sourceLocation: sourceLocation)
    for (term, value) in expected.losses {
        #expect(
            abs((found.losses[term] ?? .nan) - value) <= tolerance * abs(value) + 1e-9, "\(term.rawValue)",
            sourceLocation: sourceLocation)
    }
}
