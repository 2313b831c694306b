import Metrics
import Testing

@testable import Kernels

@Suite struct ResumingTests {
    @Test(arguments: [1, 2], [0, 1, 17, 29])
    func goingOnFromAStateIsAsIfNothingHadHappened(threads: Int, stop: Int) throws {
        let scene = Scene(network: .tms(layers: 1, tied: true), gateNeurons: 2, pnorm: 2)
        func fresh() throws -> FeatureDecomposition {
            try .example(scene, seed: 6, batchSize: 9, threads: threads, steps: 30)
        }
        func train(_ decomposition: FeatureDecomposition, to end: Int) throws -> [StepReport] {
            var reports: [StepReport] = []
            while decomposition.step < end {
                let isDue = decomposition.step % 7 == 0
                if let report = try decomposition.advance(reporting: isDue) { reports.append(report) }
            }
            return reports
        }

        let uninterrupted = try fresh()
        let expected = try train(uninterrupted, to: 30)
        let first = try fresh()
        var reports = try train(first, to: stop)
        let second = try fresh()
        try second.restore(first.state)
        #expect(second.step == stop)
        reports += try train(second, to: 30)

        #expect(reports.map(\.step) == expected.map(\.step))
        for (found, wanted) in zip(reports, expected) { #expect(found == wanted) }
        #expect(second.state == uninterrupted.state)
        #expect(try second.evaluate() == uninterrupted.evaluate())
    }

    @Test func aStateOfAnotherShapeIsRefusedAndChangesNothing() throws {
        let (small, large) = try (
            FeatureDecomposition.example(Scene(network: .tms(), subcomponents: 3), seed: 0, batchSize: 4),
            FeatureDecomposition.example(Scene(network: .tms(), subcomponents: 30), seed: 0, batchSize: 4)
        )
        try large.advance(reporting: false)
        let before = small.state
        #expect(throws: KernelError.self) { try small.restore(large.state) }
        #expect(small.state == before)
    }

    @Test func aReportTellsOfAllStepsSinceTheLastOne() throws {
        let scene = Scene(network: .tms(features: 9), sigmoid: .hard, gateNeurons: 0, subcomponents: 12)
        let often = try FeatureDecomposition.example(scene, seed: 2, batchSize: 1, rate: 1e-3)
        let seldom = try FeatureDecomposition.example(scene, seed: 2, batchSize: 1, rate: 1e-3)

        let each = try (0..<6).map { _ in try #require(try often.advance(reporting: true)) }
        for _ in 0..<5 { #expect(try seldom.advance(reporting: false) == nil) }
        let resumed = try FeatureDecomposition.example(scene, seed: 2, batchSize: 1, rate: 1e-3)
        try resumed.restore(seldom.state)
        let once = try #require(try seldom.advance(reporting: true))
        #expect(try resumed.advance(reporting: true) == once)

        let counts = each.map { $0.alive.values.reduce(0, +) }
        let alive = once.alive.values.reduce(0, +)
        #expect(alive > (counts.max() ?? 0))
        #expect(alive <= counts.reduce(0, +))
        // What is not remembered is that step's own.
        #expect(once.losses == each[5].losses)
        #expect(once.l0 == each[5].l0)
    }

    /// Losses with a coefficient of 0 are computed for reports only.
    @Test(arguments: [
        Scene(network: .mlp(layers: 2), coefficients: Scene.only(.recon, 0)),
        Scene(network: .mlp(layers: 2), coefficients: Scene.allLossesButRecon),
        Scene(network: .tms(layers: 1), coefficients: Scene.allLossesButRecon),
    ])
    func reportsAndEvaluationsChangeNothingThatIsTrained(scene: Scene) throws {
        let (silent, talking) = try (
            FeatureDecomposition.example(scene, seed: 1, batchSize: 600),
            FeatureDecomposition.example(scene, seed: 1, batchSize: 600, threads: 2)
        )
        for _ in 0..<10 {
            try silent.advance(reporting: false)
            _ = try talking.evaluate()
            let report = try #require(try talking.advance(reporting: true))
            #expect(report.losses[.recon] != nil)
        }
        #expect(silent.trainedTensors == talking.trainedTensors)
        #expect(silent.step == 10 && talking.step == 10)
    }

    @Test func thePublishedStateDictHoldsTheTargetAndTheComponents() throws {
        let decomposition = try FeatureDecomposition.example(
            Scene(network: .mlp(layers: 1, outBias: true), gateNeurons: 0), seed: 0, batchSize: 4)
        let published = decomposition.publishedStateDict
        #expect(
            published.keys.sorted() == [
                "components.layers-0-mlp_in.U", "components.layers-0-mlp_in.V",
                "components.layers-0-mlp_out.U", "components.layers-0-mlp_out.V", "components.layers-0-mlp_out.bias",
                "gates.layers-0-mlp_in.bias", "gates.layers-0-mlp_in.weight",
                "gates.layers-0-mlp_out.bias", "gates.layers-0-mlp_out.weight",
                "model.W_E", "model.W_U", "model.layers.0.mlp_in.weight", "model.layers.0.mlp_out.bias",
                "model.layers.0.mlp_out.weight",
            ])
        #expect(
            published["components.layers-0-mlp_in.V"]
                == decomposition.trainedTensors["components.layers.0.mlp_in.V"])
        #expect(published["components.layers-0-mlp_out.bias"] == published["model.layers.0.mlp_out.bias"])
        #expect(published["model.W_E"] == decomposition.target.stateDict["W_E"])
    }
}
