import Foundation
import Search
import Testing

@testable import Experiments

struct DistributionTests {
    /// The numbers that a parameter draws in 4000 samples.
    private func drawn(_ parameter: String, as key: String = "lr") throws -> [Double] {
        let experiment = try Registry.experiment(named: "tms_5-2")
        let file = try SweepFile.load(yaml: "global: {\(key): {\(parameter)}}", source: "s")
        return try file.expand(experiments: [experiment], sampling: Sampling(count: 4000)).map { spec in
            switch try #require(spec.overrides.first).value {
            case .int(let number): Double(number)
            case .number(let number): number
            case let value: throw UnexpectedValue(value: value)
            }
        }
    }

    private struct UnexpectedValue: Error { let value: ConfigValue }

    /// The largest distance between the samples' distribution and another's: 0.0308 is passed once in a thousand times
    /// by 4000 true samples.
    private func distance(_ samples: [Double], from distribution: (Double) -> Double) -> Double {
        samples.sorted().enumerated().map { index, x in
            let expected = distribution(x)
            return max(abs(expected - Double(index) / 4000), abs(Double(index + 1) / 4000 - expected))
        }.max() ?? 1
    }

    private func normal(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

    @Test func continuousDistributionsHaveTheirShape() throws {
        let uniform = try drawn("min: 0.5, max: 2.5")
        #expect(distance(uniform) { ($0 - 0.5) / 2 } < 0.03)
        let logarithmic = try drawn("distribution: log_uniform_values, min: 1e-5, max: 1e-1")
        #expect(distance(logarithmic) { (log10($0) + 5) / 4 } < 0.03)
        #expect(logarithmic.allSatisfy { (1e-5...1e-1).contains($0) })
        let inverse = try drawn("distribution: inv_log_uniform_values, min: 1e-5, max: 1e-1")
        #expect(inverse == logarithmic, "whether x or 1/x has the uniform logarithm is the same")
        let exponents = try drawn("distribution: log_uniform, min: -3, max: 1")
        #expect(distance(exponents) { (log($0) + 3) / 4 } < 0.03)
        let negative = try drawn("distribution: inv_log_uniform, min: -1, max: 3")
        #expect(distance(negative) { (log($0) + 3) / 4 } < 0.03)
        let bell = try drawn("distribution: normal, mu: 10, sigma: 0.5")
        #expect(distance(bell) { normal(($0 - 10) / 0.5) } < 0.03)
        let logBell = try drawn("distribution: log_normal, mu: -7")
        #expect(distance(logBell) { normal(log($0) + 7) } < 0.03)
    }

    @Test func wholeNumbersAreDrawnEvenlyWithBothBounds() throws {
        let samples = try drawn("min: 3, max: 7", as: "C")
        let counts = Dictionary(grouping: samples, by: \.self).mapValues(\.count)
        #expect(counts.keys.sorted() == [3, 4, 5, 6, 7])
        #expect(counts.values.allSatisfy { abs($0 - 800) < 130 }, "five standard deviations are 127")
        #expect(try drawn("distribution: int_uniform, min: 4, max: 4", as: "C") == Array(repeating: 4, count: 4000))
    }

    @Test func quantisedNumbersAreMultiples() throws {
        let sizes = try drawn("distribution: q_uniform, min: 32, max: 256, q: 32", as: "batch_size")
        #expect(Set(sizes) == Set(stride(from: 32.0, through: 256, by: 32)))
        // Half as many at the ends, where only one side rounds to them.
        let atStart = sizes.filter { $0 == 32 }.count
        #expect(abs(Double(atStart) - 4000 / 14) < 85)
        let tenths = try drawn("distribution: q_uniform, min: 0.1, max: 0.5, q: 0.1")
        #expect(Set(tenths) == [0.1, 0.2, 0.3, 0.4, 0.5])
        let bell = try drawn("distribution: q_normal, mu: 100, sigma: 8, q: 4", as: "C")
        #expect(bell.allSatisfy { $0.truncatingRemainder(dividingBy: 4) == 0 })
        #expect(abs(bell.reduce(0, +) / 4000 - 100) < 0.7)
        let steps = try drawn("distribution: q_log_uniform_values, min: 10, max: 1000", as: "steps")
        #expect(distance(steps) { (log10($0 + 0.5) - 1) / 2 } < 0.05)
    }

    @Test func listsAreDrawnEvenlyOrByTheirProbabilities() throws {
        let even = try drawn("values: [1, 2, 3, 4]")
        #expect(Dictionary(grouping: even, by: \.self).values.allSatisfy { abs($0.count - 1000) < 140 })
        let weighted = try drawn("values: [1, 2, 3], probabilities: [0.7, 0, 0.3]")
        #expect(!weighted.contains(2))
        #expect(abs(weighted.filter { $0 == 1 }.count - 2800) < 145)
        #expect(try drawn("value: 0.25") == Array(repeating: 0.25, count: 4000))
        #expect(try drawn("distribution: constant, value: 0.25").first == 0.25)
        #expect(try drawn("distribution: categorical, values: [1, 2]").count == 4000)
    }

    @Test func ourFunctionsAgreeWithTheSystems() {
        for index in 0...4000 {
            let x = Double(index) / 4000
            #expect(abs(Elementary.exp(x * 1400 - 700) / exp(x * 1400 - 700) - 1) < 1e-15)
            let y = exp(x * 200 - 100)
            #expect(abs(Elementary.log(y) - log(y)) <= 2 * log(y).ulp.magnitude + 1e-16)
            let p = (x * 4000 + 0.5) / 4001
            #expect(abs(normal(Elementary.normalQuantile(p)) - p) < 1e-14)
        }
        #expect(abs(Elementary.normalQuantile(1e-9) - -5.997807015007687) < 1e-7)
        #expect(Elementary.normalQuantile(0x1p-54) < -8 && Elementary.normalQuantile(1 - 0x1p-53) > 8)
        #expect(0.1.rounded(digits: 6) == 0.1 && 123_456_789.0.rounded(digits: 6) == 123_457_000)
        #expect(1.234_567_8e-7.rounded(digits: 6) == 1.23457e-7 && (-0.999_999_9).rounded(digits: 6) == -1)
        #expect(Double.leastNonzeroMagnitude.rounded(digits: 6) == .leastNonzeroMagnitude)
    }
}
