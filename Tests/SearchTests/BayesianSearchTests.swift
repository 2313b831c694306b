import Search
import Testing

struct BayesianSearchTests {
    private let square = BayesianSearch([.number, .number], streams: ["x", "y"], seed: 3)

    private func bowl(_ point: [Double]) -> Double {
        (point[0] - 0.3) * (point[0] - 0.3) + 2 * (point[1] - 0.8) * (point[1] - 0.8)
    }

    private func run(_ search: BayesianSearch, _ count: Int, _ function: ([Double]) -> Trial.Outcome) -> [Trial] {
        var trials: [Trial] = []
        for number in 0..<count {
            let point = search.candidates(number, after: trials)[0]
            trials.append(Trial(point, function(point)))
        }
        return trials
    }

    @Test func theSameResultsLeadToTheSamePoints() {
        let first = run(square, 14) { .value(bowl($0)) }
        #expect(first == run(square, 14) { .value(bowl($0)) })
        let other = BayesianSearch([.number, .number], streams: ["x", "y"], seed: 4)
        #expect(first.map(\.point) != run(other, 14) { .value(bowl($0)) }.map(\.point))
    }

    @Test func itGoesWhereResultsAreBest() {
        let trials = run(square, 20) { .value(bowl($0)) }
        let best = trials.map { bowl($0.point) }.min() ?? 1
        #expect(best < 1e-3)
    }

    @Test func pointsAtWorkAreNotGivenTwice() {
        var trials = run(square, 8) { .value(bowl($0)) }
        for number in 8..<14 { trials.append(Trial(square.candidates(number, after: trials)[0], .open)) }
        let open = trials.suffix(6).map(\.point)
        for (index, point) in open.enumerated() {
            for other in open[(index + 1)...] {
                #expect(zip(point, other).contains { abs($0 - $1) > 1e-3 })
            }
        }
    }

    @Test func failuresAndHugeValuesKeepItAway() {
        let trials = run(square, 24) { point in
            if point[0] > 0.5 { return .failed }
            return point[1] < 0.2 ? .value(1e30) : .value(bowl(point))
        }
        #expect(trials.suffix(10).count { $0.point[0] > 0.5 } <= 3)
        #expect((trials.map { $0.point[0] > 0.5 ? 1 : bowl($0.point) }.min() ?? 1) < 5e-3)
    }

    @Test func choicesAndWholeNumbersAreSearchedToo() {
        let search = BayesianSearch([.choice(4), .ordered(20), .number], streams: ["a", "b", "c"], seed: 0)
        let trials = run(search, 25) { point in
            let (kind, whole) = (Int(point[0] * 4), Int(point[1] * 20))
            return .value(
                (kind == 2 ? 0 : 1) + Double((whole - 13) * (whole - 13)) / 50 + (point[2] - 0.5) * (point[2] - 0.5))
        }
        for trial in trials { #expect((trial.point[1] * 20 - 0.5).rounded() == trial.point[1] * 20 - 0.5) }
        let best = trials.compactMap { if case .value(let value) = $0.outcome { value } else { nil } }.min() ?? 9
        #expect(best < 0.05)
    }

    @Test func whatHasOneValueDelaysNothing() {
        let fixed = [SearchDimension](repeating: .choice(1), count: 4)
        let search = BayesianSearch([.number, .number] + fixed, streams: ["x", "y", "a", "b", "c", "d"], seed: 3)
        let trials = run(search, 7) { .value(bowl($0)) }
        for number in 0..<5 { #expect(trials[number].point == search.drawn(number)) }
        for number in 5..<7 { #expect(trials[number].point != search.drawn(number)) }
    }

    @Test func withoutAnyResultPointsAreDrawn() {
        let trials = run(square, 12) { _ in .failed }
        #expect(Set(trials.map(\.point)).count == 12)
    }
}
