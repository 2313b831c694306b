import Metrics
import Testing

@testable import Kernels

/// The fast kernels against the method in double precision.
@Suite struct AgreementTests {
    @Test(arguments: Scene.small + Scene.large)
    func lossesImportancesAndOutputsAreTheReferences(scene: Scene) throws {
        let stage = try Stage(scene, seed: 1)
        let expected = stage.reference.evaluate(stage.point.mapValues { Matrix($0) })

        let (report, capture) = try stage.decomposition.replay(stage.given)

        #expect(Set(report.losses.keys) == Set(expected.losses.keys))
        for (term, value) in expected.losses {
            let found = try #require(report.losses[term])
            #expect(abs(found - value) <= 1e-5 * abs(value) + 1e-8, "\(term.rawValue): \(found) for \(value)")
        }
        #expect(abs(report.total - expected.total) <= 1e-5 * abs(expected.total) + 1e-8)
        expectClose(capture.targetOutput, stage.reference.targetOutput, 1e-6, "target output")
        for module in stage.reference.modules {
            let (ci, upper) = try (
                #require(expected.ci[module]), #require(expected.ciUpper[module])
            )
            expectClose(try #require(capture.ci[module]), ci, 3e-6, "ci of \(module)")
            expectClose(try #require(capture.ciUpper[module]), upper, 3e-6, "ci_upper of \(module)")
            let l0 = Double(ci.values.count { $0 > 0.01 }) / Double(ci.rows)
            #expect(abs(try #require(report.l0[module]) - l0) < 1e-9)
            let alive = (0..<ci.columns).count { c in (0..<ci.rows).contains { ci[$0, c] > 0.1 } }
            #expect(report.alive[module] == alive)
        }
        let squares = capture.gradients.values.reduce(0) { $0 + Matrix($1).sumOfSquares }
        #expect(abs(report.gradientNorm - squares.squareRoot()) <= 1e-5 * squares.squareRoot() + 1e-12)
    }

    @Test(arguments: Scene.small)
    func everyGradientIsTheReferencesDifferenceQuotient(scene: Scene) throws {
        let stage = try Stage.smooth(scene)
        let point = stage.point.mapValues { Matrix($0) }
        let base = stage.reference.evaluate(point).gates

        let gradients = try stage.decomposition.replay(stage.given).capture.gradients

        #expect(Set(gradients.keys) == Set(point.keys))
        for (name, values) in point {
            var expected = values
            for place in values.values.indices {
                expected.values[place] = stage.slope(at: point, around: base) { point, distance in
                    point[name]?.values[place] += distance
                }
            }
            expectClose(try #require(gradients[name]), expected, 2e-5, "gradient of \(name)")
        }
    }

    @Test(arguments: Scene.large)
    func theGradientAlongADirectionIsTheReferencesDifferenceQuotient(scene: Scene) throws {
        let stage = try Stage(scene, seed: 3)
        let point = stage.point.mapValues { Matrix($0) }
        let base = stage.reference.evaluate(point).gates

        let gradients = try stage.decomposition.replay(stage.given).capture.gradients

        // A random sign for every element, and an equal say for every tensor.
        var numbers = Numbers(seed: 4)
        var direction: [String: Matrix] = [:]
        var found = 0.0
        for name in point.keys.sorted() {
            let gradient = Matrix(try #require(gradients[name]))
            let size = gradient.sumOfSquares.squareRoot()
            let signs = gradient.map { _ in Bool.random(using: &numbers) ? 1 / size : -1 / size }
            direction[name] = signs
            found += gradient.times(signs).values.reduce(0, +)
        }
        let expected = stage.slope(at: point, around: base) { point, distance in
            for (name, way) in direction { point[name] = point[name].map { $0 + way.map { $0 * distance } } }
        }
        #expect(abs(found - expected) <= 1e-4 * Double(point.count).squareRoot(), "\(found) for \(expected)")
    }
}

extension Stage {
    /// The central difference quotient of the total loss along a way through a point.
    func slope(
        at point: ReferenceModel.Parameters, around base: [String: Matrix],
        move: (inout ReferenceModel.Parameters, Double) -> Void
    ) -> Double {
        let h = 1e-6
        func total(_ distance: Double) -> Double {
            var moved = point
            move(&moved, distance)
            return reference.evaluate(moved, around: base).total
        }
        return (total(h) - total(-h)) / (2 * h)
    }
}

/// Every element within `tolerance` of the largest.
func expectClose(
    _ found: Tensor, _ expected: Matrix, _ tolerance: Double, _ name: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(found.values.count == expected.values.count, "\(name)", sourceLocation: sourceLocation)
    let top = expected.values.map(abs).max() ?? 0
    let errors = zip(found.values, expected.values).map { abs(Double($0) - $1) }
    // A NaN is no error that `max` would report.
    let worst = errors.contains { $0.isNaN } ? .infinity : errors.max() ?? 0
    #expect(
        worst <= tolerance * top + 1e-6, "\(name): off by \(worst) of \(top)", sourceLocation: sourceLocation)
}
