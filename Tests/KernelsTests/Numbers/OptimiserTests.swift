import Foundation
import Testing

@testable import Kernels

/// AdamW as Loshchilov & Hutter define it, in double precision.
struct ReferenceAdamW {
    var decay = 0.0
    private var m: [String: [Double]] = [:]
    private var v: [String: [Double]] = [:]

    init(decay: Double = 0) { self.decay = decay }

    /// The values after update number `t` (from 1).
    mutating func update(
        _ name: String, _ values: [Double], gradient: [Double], rate: Double, t: Int
    ) -> [Double] {
        var (m, v) = (self.m[name] ?? values.map { _ in 0 }, self.v[name] ?? values.map { _ in 0 })
        defer { (self.m[name], self.v[name]) = (m, v) }
        return values.indices.map { i in
            m[i] = 0.9 * m[i] + 0.1 * gradient[i]
            v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i]
            let (mean, variance) = (m[i] / (1 - pow(0.9, Double(t))), v[i] / (1 - pow(0.999, Double(t))))
            return values[i] - rate * (mean / (variance.squareRoot() + 1e-8) + decay * values[i])
        }
    }
}

@Suite struct OptimiserTests {
    @Test(arguments: [1, 3], [false, true])
    func stepsAreAdamWOnTheGradients(threads: Int, tied: Bool) throws {
        let scene = Scene(network: .tms(layers: 1, tied: tied), gateNeurons: 2)
        let decomposition = try FeatureDecomposition.example(
            scene, seed: 8, batchSize: 16, threads: threads, steps: 40)
        var numbers = Numbers(seed: 9)
        var adam = ReferenceAdamW()
        var point = decomposition.trainedTensors.mapValues { $0.values.map(Double.init) }

        for step in 0..<40 {
            // cosine, as the closed form has it
            let rate = 1e-2 * cos(Double.pi / 2 * Double(step) / 39)
            let batch = numbers.batch(.someEmpty(16), features: 4, lowest: 0)
            let gradients = try decomposition.replay(GivenNumbers(batch: batch, uniforms: [:])).capture
                .gradients
            let before = point
            for (name, values) in point {
                let gradient = try #require(gradients[name]).values.map(Double.init)
                point[name] = adam.update(name, values, gradient: gradient, rate: rate, t: step + 1)
            }
            if tied {
                joinTied(&point, before: before, decomposition.trainedTensors.mapValues(\.shape))
            }
        }

        for (name, tensor) in decomposition.trainedTensors {
            let expected = Matrix(1, tensor.values.count, try #require(point[name]))
            expectClose(tensor, expected, 2e-5, name)
        }
    }

    /// Both views stepped from the same values; the shared storage takes both changes.
    private func joinTied(
        _ point: inout [String: [Double]], before: [String: [Double]], _ shapes: [String: [Int]]
    ) {
        for (first, second) in [
            ("components.linear1.V", "components.linear2.U"),
            ("components.linear1.U", "components.linear2.V"),
        ] {
            guard let a = point[first], let b = point[second], let old = before[first],
                let shape = shapes[first]
            else { continue }
            let other = Matrix(shape[1], shape[0], b).transposed.values
            let sum = a.indices.map { a[$0] + other[$0] - old[$0] }
            point[first] = sum
            point[second] = Matrix(shape[0], shape[1], sum).transposed.values
        }
    }

    @Test func theRateFollowsItsClosedForm() {
        func rate(_ schedule: LearningRate.Schedule, _ step: Int, of steps: Int, warmup: Double = 0) -> Double {
            LearningRate(peak: 3, schedule: schedule, warmupFraction: warmup).rate(at: step, of: steps)
        }
        for step in [0, 1, 49, 99, 100] {
            let s = Double(step)
            #expect(rate(.constant, step, of: 100) == 3)
            #expect(abs(rate(.linear, step, of: 100) - 3 * (1 - s / 100)) < 1e-12)
            #expect(abs(rate(.cosine, step, of: 100) - 3 * cos(Double.pi / 2 * s / 99)) < 1e-12)
            #expect(
                abs(rate(.raisedCosine, step, of: 100) - 1.5 * (1 + cos(Double.pi * s / 99))) < 1e-12)
            #expect(abs(rate(.exponential(halflife: 20), step, of: 100) - 3 * pow(0.5, s / 20)) < 1e-12)
        }
        #expect(abs(rate(.cosine, 99, of: 100)) < 1e-12)
        #expect(abs(rate(.raisedCosine, 99, of: 100)) < 1e-12)
        #expect(rate(.exponential(halflife: 20), 40, of: 100) == 0.75)
    }

    @Test func warmUpRisesLinearlyAndTheScheduleStartsBehindIt() {
        let rate = LearningRate(peak: 2, schedule: .linear, warmupFraction: 0.109)  // int(10.9) steps of 100
        #expect(rate.rate(at: 0, of: 100) == 0)
        #expect(abs(rate.rate(at: 5, of: 100) - 1) < 1e-12)
        #expect(abs(rate.rate(at: 9, of: 100) - 1.8) < 1e-12)
        #expect(rate.rate(at: 10, of: 100) == 2)
        #expect(abs(rate.rate(at: 55, of: 100) - 1) < 1e-12)
        let cosine = LearningRate(peak: 2, schedule: .cosine, warmupFraction: 0.5)
        #expect(abs(cosine.rate(at: 7, of: 10) - 2 * cos(Double.pi / 2 * 2 / 4)) < 1e-12)
        #expect(abs(cosine.rate(at: 9, of: 10)) < 1e-12)
    }

    @Test(arguments: [
        LearningRate.Schedule.constant, .linear, .cosine, .raisedCosine, .exponential(halflife: 1),
    ])
    func theShortestTrainingsHaveFiniteRates(schedule: LearningRate.Schedule) {
        for (steps, warmup) in [(1, 0), (1, 1), (2, 0.5), (7, 1)] {
            let rate = LearningRate(peak: 1, schedule: schedule, warmupFraction: warmup)
            for step in 0...steps { #expect(rate.rate(at: step, of: steps).isFinite, "\(step) of \(steps)") }
        }
        #expect(LearningRate(peak: 1, schedule: schedule).rate(at: 0, of: 1) == 1)
    }
}
