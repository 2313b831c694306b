import CKernels
import Testing

@testable import Kernels

/// Gates interpolated over a thread's rows against gates computed row by row.
@Suite struct InterpolatedGatesTests {
    private func bothWays(
        _ scene: Scene, threads: Int = 1, prepare: (Stage, FeatureDecomposition) throws -> Void = { _, _ in }
    ) throws -> (interpolated: FeatureDecomposition, exact: FeatureDecomposition) {
        let stage = try Stage(scene, seed: 7)
        let both = try [true, false].map { interpolates in
            var settings = stage.decomposition.settings
            settings.interpolatesGates = interpolates
            let decomposition = try FeatureDecomposition(
                target: stage.decomposition.target, data: stage.decomposition.data, settings: settings, threads: threads
            )
            try prepare(stage, decomposition)
            return decomposition
        }
        return (both[0], both[1])
    }

    private func expectEqualSteps(
        _ scene: Scene, _ both: (interpolated: FeatureDecomposition, exact: FeatureDecomposition)
    )
        throws
    {
        let given = try Stage(scene, seed: 7).given
        let (found, expected) = try (both.interpolated.replay(given), both.exact.replay(given))
        expectEqualLosses(found.report, expected.report, 1e-5)
        for (module, ci) in expected.capture.ci {
            expectClose(try #require(found.capture.ci[module]), Matrix(ci), 3e-6, module)
        }
        for (name, gradient) in expected.capture.gradients {
            expectClose(try #require(found.capture.gradients[name]), Matrix(gradient), 3e-5, name)
        }
    }

    @Test(arguments: Sigmoid.allCases, [1, 5, 16])
    func theyGiveTheSameStep(sigmoid: Sigmoid, neurons: Int) throws {
        let scene = Scene(
            network: .tms(layers: 1, tied: true), sigmoid: sigmoid, gateNeurons: neurons, pnorm: 2,
            rows: .someEmpty(150))
        try expectEqualSteps(
            scene,
            try bothWays(scene, threads: 2) { stage, decomposition in
                try decomposition.setTrainedTensors(stage.point)
            })
    }

    /// Biases are zero at the start, and so are the gates of empty rows: the importances' kink.
    @Test(
        arguments: [
            Scene(network: .tms(tied: true), gateNeurons: 8, rows: .someEmpty(200)),
            Scene(network: .mlp(layers: 2), gateNeurons: 8, rows: .someEmpty(200)),
            Scene(network: .tms(), sigmoid: .hard, gateNeurons: 3, rows: .allEmpty(50)),
        ], [1, 2, 3])
    func theyGiveTheSameFirstStep(scene: Scene, threads: Int) throws {
        try expectEqualSteps(scene, try bothWays(scene, threads: threads))
    }

    /// Few rows or steep neurons are computed row by row, narrow intervals with few nodes.
    @Test(arguments: [0, 1e-6, 0.1, 1, 4, 30] as [Float], [1, 14, 40, 100])
    func howSteepTheNeuronsAreDoesNotMatter(steepness: Float, rows: Int) throws {
        let scene = Scene(
            network: .mlp(.gelu, outBias: true), sigmoid: .normal, gateNeurons: 4, rows: .noneEmpty(rows))
        try expectEqualSteps(
            scene,
            try bothWays(scene) { stage, decomposition in
                var point = stage.point
                for name in point.keys where name.hasSuffix(".mlp_in") && name.hasPrefix("gates.") {
                    point[name] = point[name].map {
                        Tensor(shape: $0.shape, values: $0.values.map { $0 * steepness })
                    }
                }
                try decomposition.setTrainedTensors(point)
            })
    }

    /// As at all places of a text that repeats one token: the middle of their interval is no float.
    @Test(arguments: [0.37, -1.3, 2.9] as [Float], [1, 2, 5])
    func activationsThatDifferInTheirLastPlaceOnlyDoNotMatter(activation: Float, places: Int) {
        let other = (0..<places).reduce(activation) { value, _ in value.nextUp }
        let gate = OneGate(wIn: [1.4, -0.8], bIn: [0.1, 0.3], wOut: [0.9, -1.1], bOut: 0.2)
        let (found, exact, nodes) = gate.bothWays((0..<64).map { $0 % 3 == 0 ? other : activation })
        #expect(nodes > 0)
        expectCloseArrays(found, exact, 5e-6)
    }

    /// The steepest neuron turns from nothing to its line within a twentieth of the interval, or does not turn at all.
    @Test(arguments: [0.1, 0.5, 1.2, 3, 5, 8, 14, 20] as [Float], [16, 128])
    func neuronsMayReachFar(reach: Float, neurons: Int) {
        let numbers = RandomStream(seed: 3, .gate, neurons).normal(3 * neurons)
        let wIn = Array(numbers[..<neurons])
        let half = reach / (wIn.map(abs).max() ?? 1)
        let gate = OneGate(
            wIn: wIn, bIn: numbers[neurons..<2 * neurons].map { $0 / 10 },
            wOut: numbers[(2 * neurons)...].map { $0 / Float(neurons).squareRoot() }, bOut: 0.1)
        let (found, exact, nodes) = gate.bothWays((0..<320).map { half * (Float($0) / 160 - 0.9) })
        #expect(nodes > 0)
        expectCloseArrays(found, exact, 2e-5)
    }

    /// Neurons that cancel each other leave values whose own size says nothing about their error.
    @Test func neuronsMayCancelEachOther() {
        let gate = OneGate(
            wIn: [1, 1.0001, -0.9, -0.9002], bIn: [0.2, 0.2, 0.1, 0.1], wOut: [1, -1, 1, -1], bOut: 0)
        let (found, exact, nodes) = gate.bothWays((0..<320).map { Float($0) / 160 - 1 })
        #expect(nodes > 0)
        let off = zip(found.g, exact.g).map { abs($0 - $1) }.max() ?? .infinity
        #expect(off <= 5e-7)
    }

    /// Sums over such neurons overflow at the nodes, though gates of many rows are finite.
    @Test(arguments: [3e38, .infinity, .nan] as [Float])
    func weightsThatLeaveNothingToJudgeByAreComputedExactly(weight: Float) {
        let gate = OneGate(wIn: [weight, 0.5], bIn: [0, 0.1], wOut: [1, 1], bOut: 0)
        let (found, exact, nodes) = gate.bothWays((0..<320).map { Float($0) / 160 - 1 })
        #expect(nodes == 0)
        #expect(found.g.map(\.bitPattern) == exact.g.map(\.bitPattern))
    }

    private func expectCloseArrays(_ found: OneGate.Arrays, _ exact: OneGate.Arrays, _ tolerance: Float) {
        for (index, (found, exact)) in zip(found.all, exact.all).enumerated() {
            let top = exact.map(abs).max() ?? 0
            let off = zip(found, exact).map { abs($0 - $1) }.max() ?? 0
            #expect(off <= tolerance * top, "array \(index) is off by \(off / top)")
        }
    }

    @Test func aHundredStepsLeadToTheSamePlace() throws {
        let scene = Scene(network: .tms(tied: true), sigmoid: .normal, gateNeurons: 6, rows: .someEmpty(64))
        let both = try bothWays(scene)
        for _ in 0..<100 {
            try both.interpolated.advance(reporting: false)
            try both.exact.advance(reporting: false)
        }
        let (found, expected) = try (both.interpolated.evaluate(), both.exact.evaluate())
        expectEqualLosses(found, expected, 1e-3)
    }
}

/// A single gate, interpolated and computed row by row.
private struct OneGate {
    let wIn, bIn, wOut: [Float]
    let bOut: Float

    struct Arrays {
        var g, da: [Float]
        var dwIn, dbIn, dwOut, dbOut: [Float]

        var all: [[Float]] { [g, da, dwIn, dbIn, dwOut, dbOut] }
    }

    func bothWays(_ a: [Float]) -> (found: Arrays, exact: Arrays, nodes: Int) {
        let (rows, neurons) = (a.count, wIn.count)
        let dg = (0..<rows).map { 1 + Float($0) / 64 }
        let (row, neuron) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: neurons))
        var exact = Arrays(g: row, da: row, dwIn: neuron, dbIn: neuron, dwOut: neuron, dbOut: [0])
        var found = exact
        ck_gate_forward(&exact.g, a, wIn, bIn, wOut, [bOut], 1, rows, neurons)
        ck_gate_backward(
            &exact.da, &exact.dwIn, &exact.dbIn, &exact.dwOut, &exact.dbOut, dg, a, wIn, bIn, wOut, 1, rows, neurons)
        var (fit, interval) = (ck_fit(), ck_interval())
        ck_reset_intervals(&interval, 1)
        ck_widen_intervals(&interval, a, 1, rows)
        ck_fit_gates(&fit, &interval, wIn, bIn, wOut, [bOut], 1, neurons, rows)
        ck_fitted_gate_forward(&found.g, a, &fit, wIn, bIn, wOut, [bOut], 1, rows, neurons)
        ck_fitted_gate_backward(
            &found.da, &fit, &found.dwIn, &found.dbIn, &found.dwOut, &found.dbOut, dg, a, wIn, bIn, wOut, 1, rows,
            neurons)
        ck_fold_fits(&fit, &found.dwIn, &found.dbIn, &found.dwOut, &found.dbOut, wIn, bIn, wOut, 1, neurons)
        return (found, exact, Int(fit.nodes))
    }
}
