import CKernels
import Testing

@testable import Kernels

@Suite struct RandomNumbersTests {
    private static let count = 100_000

    @Test func uniformNumbersFillTheUnitIntervalEvenly() {
        let numbers = RandomStream(seed: 1, .mask, 2, 3).uniform(Self.count).map(Double.init)
        #expect(numbers.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(mean(numbers) - 0.5) < 0.005)
        #expect(abs(variance(numbers) - 1 / 12.0) < 0.002)
        for tenth in 0..<10 {
            let share = Double(numbers.count { Int($0 * 10) == tenth }) / Double(Self.count)
            #expect(abs(share - 0.1) < 0.005)
        }
        #expect(abs(correlation(numbers, Array(numbers.dropFirst() + numbers.prefix(1)))) < 0.015)
    }

    @Test func normalNumbersHaveTheMomentsOfTheStandardNormal() {
        let numbers = RandomStream(seed: 1, .gate, 0).normal(Self.count).map(Double.init)
        #expect(abs(mean(numbers)) < 0.015)
        #expect(abs(variance(numbers) - 1) < 0.025)
        #expect(abs(mean(numbers.map { $0 * $0 * $0 })) < 0.06)
        #expect(abs(mean(numbers.map { $0 * $0 * $0 * $0 }) - 3) < 0.15)
        let beyond = Double(numbers.count { abs($0) > 1.959964 }) / Double(Self.count)
        #expect(abs(beyond - 0.05) < 0.004)
        // Box and Muller's two of a pair are independent, also when one of them is cut off.
        let (even, odd) = (stride(from: 0, to: Self.count, by: 2), stride(from: 1, to: Self.count, by: 2))
        #expect(abs(correlation(even.map { numbers[$0] }, odd.map { numbers[$0] })) < 0.02)
        #expect(RandomStream(seed: 1, .gate, 0).normal(7) == Array(numbers.prefix(7).map(Float.init)))
    }

    private static let purposes: [RandomStream.Purpose] = [
        .batchActive, .batchValue, .batchOrder, .componentV, .componentU, .gate, .mask, .targetWeights,
        .targetBatchActive, .targetBatchValue, .targetBatchOrder, .targetLabels,
    ]

    @Test func noTwoStreamsAreEqual() {
        struct Key: Hashable { let low, high: UInt32 }
        var keys: Set<Key> = []
        var streams = 0
        func note(_ stream: RandomStream) {
            streams += 1
            keys.insert(Key(low: stream.key.low, high: stream.key.high))
        }
        for purpose in Self.purposes {
            for seed in [-1, 0, 1, 2, 3, 42, 1 << 40, .max, .min] {
                note(RandomStream(seed: seed, purpose))
                for first in 0..<12 {
                    note(RandomStream(seed: seed, purpose, first))
                    for second in 0..<4 {
                        note(RandomStream(seed: seed, purpose, first, second))
                        note(RandomStream(seed: seed, purpose, first, second, 0))
                    }
                }
            }
        }
        #expect(keys.count == streams)
    }

    @Test func streamsOfNeighbouringNamesAreUncorrelated() {
        let first = RandomStream(seed: 0, .mask, 5, 0, 0, 1).uniform(20_000).map(Double.init)
        let others = [
            RandomStream(seed: 1, .mask, 5, 0, 0, 1), RandomStream(seed: 0, .gate, 5, 0, 0, 1),
            RandomStream(seed: 0, .mask, 6, 0, 0, 1), RandomStream(seed: 0, .mask, 5, 1, 0, 1),
            RandomStream(seed: 0, .mask, 5, 0, 1, 1), RandomStream(seed: 0, .mask, 5, 0, 1, 0),
            RandomStream(seed: 0, .mask, 5, 0, 0, 2),
        ]
        for other in others {
            let second = other.uniform(20_000).map(Double.init)
            #expect(abs(correlation(first, second)) < 0.03)
            #expect(abs(correlation(first, Array(second.dropFirst() + second.prefix(1)))) < 0.03)
        }
    }
}

@Suite struct SparseFeaturesTests {
    /// Rows of a batch, drawn in pieces of `piece` as threads draw them.
    private func rows(
        _ data: SparseFeatures, _ count: Int, seed: Int = 0, step: Int = 0, piece: Int = 100
    ) -> [[Float]] {
        let storage = Storage(count: count * data.features)
        let scratch = Storage(count: 2 * piece * data.features)
        for first in stride(from: 0, to: count, by: piece) {
            data.fill(
                storage.pointer + first * data.features, firstRow: first, count: min(piece, count - first),
                streams: .decomposition(seed: seed, step: step), scratch: scratch.pointer)
        }
        return (0..<count).map { storage.values($0 * data.features, data.features) }
    }

    @Test(arguments: [(Float(0.05), Float(0)), (0.3, -1), (0, 0), (1, -1)])
    func featuresAreActiveIndependentlyWithTheirProbability(probability: Float, lowest: Float) {
        let data = SparseFeatures(
            features: 5, activity: .independent(probability: probability), lowest: lowest)
        let rows = rows(data, 20_000)
        for feature in 0..<5 {
            let share = Double(rows.count { $0[feature] != 0 }) / 20_000
            #expect(abs(share - Double(probability)) < 0.016)
        }
        let active = rows.map { $0.map { $0 == 0 ? 0.0 : 1.0 } }
        if probability > 0, probability < 1 {
            #expect(abs(correlation(active.map { $0[0] }, active.map { $0[1] })) < 0.035)
        }
        let values = rows.joined().filter { $0 != 0 }.map(Double.init)
        guard !values.isEmpty else { return }
        let (low, width) = (Double(lowest), 1 - Double(lowest))
        #expect(values.allSatisfy { $0 >= low && $0 < 1 })
        #expect(abs(mean(values) - (low + 1) / 2) < 0.02 * width)
        #expect(abs(variance(values) - width * width / 12) < 0.02 * width * width)
    }

    @Test(arguments: [1, 2, 3, 5])
    func exactlyAsManyFeaturesAreActiveAsAskedEachOneEquallyOften(wanted: Int) {
        let data = SparseFeatures(features: 6, activity: .exactly(wanted), lowest: -1)
        let rows = rows(data, 12_000)
        #expect(rows.allSatisfy { row in row.count { $0 != 0 } == wanted })
        for feature in 0..<6 {
            let share = Double(rows.count { $0[feature] != 0 }) / 12_000
            #expect(abs(share - Double(wanted) / 6) < 0.025)
        }
        let values = rows.joined().filter { $0 != 0 }.map(Double.init)
        #expect(abs(mean(values)) < 0.03 && abs(variance(values) - 1 / 3.0) < 0.03)
    }

    @Test func syncedFeaturesAreActiveTogetherWithValuesOfTheirOwn() {
        let data = SparseFeatures(
            features: 6, activity: .independent(probability: 0.2), lowest: 0,
            syncedGroups: [[0, 3, 4], [1, 5]])
        let rows = rows(data, 20_000)
        for row in rows {
            #expect((row[0] != 0) == (row[3] != 0) && (row[3] != 0) == (row[4] != 0))
            #expect((row[1] != 0) == (row[5] != 0))
        }
        func share(_ feature: Int) -> Double { Double(rows.count { $0[feature] != 0 }) / 20_000 }
        #expect(abs(share(0) - (1 - 0.8 * 0.8 * 0.8)) < 0.02)
        #expect(abs(share(1) - (1 - 0.8 * 0.8)) < 0.02)
        #expect(abs(share(2) - 0.2) < 0.015)
        let together = rows.filter { $0[0] != 0 }
        let values = together.map { Double($0[0]) }
        #expect(abs(mean(values) - 0.5) < 0.02 && abs(variance(values) - 1 / 12.0) < 0.01)
        #expect(abs(correlation(values, together.map { Double($0[3]) })) < 0.06)
    }

    @Test(arguments: [
        SparseFeatures.Activity.independent(probability: 0.4), .exactly(2),
    ])
    func aRowDependsOnItsNumberAlone(activity: SparseFeatures.Activity) {
        let data = SparseFeatures(features: 7, activity: activity, lowest: -1, syncedGroups: [[2, 6]])
        let whole = rows(data, 300, seed: 5, step: 9, piece: 300)
        #expect(rows(data, 300, seed: 5, step: 9, piece: 7) == whole)
        #expect(Array(rows(data, 450, seed: 5, step: 9)[..<300]) == whole)
        #expect(rows(data, 300, seed: 5, step: 10) != whole)
        #expect(rows(data, 300, seed: 6, step: 9) != whole)
        #expect(Set(whole).count > 200)
    }
}

func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

func variance(_ values: [Double]) -> Double {
    let center = mean(values)
    return mean(values.map { ($0 - center) * ($0 - center) })
}

func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let (meanA, meanB) = (mean(a), mean(b))
    let covariance = mean(zip(a, b).map { ($0 - meanA) * ($1 - meanB) })
    return covariance / (variance(a) * variance(b)).squareRoot()
}
