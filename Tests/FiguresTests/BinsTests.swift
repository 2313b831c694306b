import Testing

@testable import Figures

struct BinsTests {
    @Test func anIntervalHoldsItsLowerEndAndTheLastOneBoth() {
        let bins = Bins([0, 0.24, 0.25, 0.5, 0.75, 0.99, 1], count: 4, from: 0, to: 1)

        #expect(bins.counts == [2, 1, 1, 3])
    }

    @Test func whatIsOutsideOrNoNumberIsLeftOut() {
        let bins = Bins([-0.1, 1.1, .nan, .infinity, -.infinity, 0.5], count: 2, from: 0, to: 1)

        #expect(bins.counts == [0, 1])
    }

    @Test func equalValuesStillHaveAnInterval() {
        let bins = Bins([3, 3, 3], count: 10, from: 3, to: 3)

        #expect((bins.low, bins.high) == (3, 4))
        #expect(bins.counts == [3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}

struct TicksTests {
    @Test(arguments: [
        (0.0, 1.0, 6, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 1, 3, [0, 0.5, 1]), (-3, 3, 7, [-3, -2, -1, 0, 1, 2, 3]),
        (-0.004, 1.01, 4, [0, 0.5, 1]), (0, 0.053, 6, [0, 0.01, 0.02, 0.03, 0.04, 0.05]), (2, 2, 5, [2]),
        (0, 99, 4, [0, 50]),
    ])
    func axesAreLabelledAtRoundValues(low: Double, high: Double, limit: Int, expected: [Double]) {
        let ticks = Ticks.round(low, high, limit: limit)

        #expect(ticks.count == expected.count)
        for (tick, wanted) in zip(ticks, expected) { #expect(abs(tick - wanted) < 1e-9) }
    }

    @Test(arguments: [[0.0024, 0.0041], [0.0011, 0.0047], [0.7, 0.9], [3.1e-7, 4.4e-7], [21, 49]])
    func aLogarithmicAxisHasNumbersHoweverShortItIs(values: [Double]) {
        let ticks = Axis("", isLogarithmic: true).spanning(values).ticks(limit: 5)

        #expect(ticks.count > 1 && Set(ticks.map(\.label)).count == ticks.count, "\(ticks)")
    }

    @Test(arguments: [
        (5, 20, [0, 1, 2, 3, 4]), (40, 10, [0, 5, 10, 15, 20, 25, 30, 35]), (200, 4, [0, 50, 100, 150]),
        (500, 1, [0]), (1, 1, [0]), (100, 5, [0, 20, 40, 60, 80]),
    ])
    func indicesAreLabelledAsOftenAsThereIsRoom(count: Int, limit: Int, expected: [Int]) {
        #expect(Ticks.indices(count, limit: limit) == expected)
    }

    @Test(arguments: [
        (0.2, 0.2, "0.2"), (1, 0.2, "1.0"), (-0.05, 0.05, "-0.05"), (3, 1, "3"), (-0.0, 0.5, "0"), (250, 50, "250"),
        (0.00002, 0.00002, "2e-5"), (1.5e6, 5e5, "1.5e6"), (-2e-5, 1e-5, "-2e-5"),
    ])
    func aTickHasAsManyDigitsAsItsAxisNeeds(value: Double, step: Double, expected: String) {
        #expect(Ticks.label(value, step: step) == expected)
    }
}
