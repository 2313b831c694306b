import Analysis
import Kernels
import Testing

@Suite struct AssignmentTests {
    /// The smallest cost over all pairings, by trying each.
    private func smallest(_ costs: [[Double]], row: Int = 0, taken: Set<Int> = []) -> Double {
        guard row < costs.count else { return 0 }
        return costs[row].indices.filter { !taken.contains($0) }.map {
            costs[row][$0] + smallest(costs, row: row + 1, taken: taken.union([$0]))
        }.min() ?? 0
    }

    @Test(arguments: [(1, 1), (3, 3), (4, 6), (5, 5), (6, 7)])
    func thePairingIsTheCheapestOfAll(rows: Int, columns: Int) {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20 {
            let costs = (0..<rows).map { _ in (0..<columns).map { _ in Double.random(in: -2...2, using: &generator) } }
            let found = Assignment(costs: costs)
            #expect(Set(found.columns.compactMap { $0 }).count == rows)
            #expect(abs(found.cost - smallest(costs)) < 1e-9, "\(costs)")
        }
    }

    @Test func whereThereAreFewerColumnsSomeRowsGoWithout() {
        let found = Assignment(costs: [[5], [1], [3]])
        #expect(found.columns == [nil, 0, nil])
        #expect(found.cost == 1)
    }

    @Test func nothingIsPairedWithNothing() {
        #expect(Assignment(costs: []).columns.isEmpty)
        #expect(Assignment(costs: [[], []]).columns == [nil, nil])
    }
}

@Suite struct SubcomponentMatchTests {
    /// Rank-one matrices of axes: subcomponent c maps input `inputs[c]` to output `outputs[c]`, `sizes[c]` long.
    private func axes(_ places: [(input: Int, output: Int, size: Float)]) -> RankOneMatrices {
        var (v, u) = (Tensor(zeros: [4, places.count]), Tensor(zeros: [places.count, 3]))
        for (component, place) in places.enumerated() {
            v.values[place.input * places.count + component] = place.size
            u.values[component * 3 + place.output] = 1
        }
        return RankOneMatrices(v: v, u: u)
    }

    @Test func aPermutationIsUndone() {
        let first = axes([(0, 0, 3), (1, 1, 2), (2, 2, 1)])
        let match = SubcomponentMatch(first, axes([(2, 2, 1), (0, 0, 4), (1, 1, 2)]))
        #expect(match.pairs.map(\.first) == [0, 1, 2])
        #expect(match.pairs.map(\.second) == [1, 2, 0])
        #expect(match.pairs.map(\.secondNorm) == [4, 2, 1])
        #expect(match.meanCosine == 1)
    }

    @Test func aMatrixOfTheOtherSignIsTheOpposite() {
        let match = SubcomponentMatch(axes([(0, 0, 3)]), axes([(0, 0, -3)]))
        #expect(match.pairs.map(\.cosine) == [-1])
    }

    @Test func whatIsTinyIsInNoPairAndWhatIsLeftIsNamed() {
        let match = SubcomponentMatch(axes([(0, 0, 3), (1, 1, 2), (2, 2, 0.01)]), axes([(1, 1, 2), (3, 0, 0)]))
        #expect(match.pairs.map(\.first) == [1])
        #expect(match.firstDead == [2])
        #expect(match.secondDead == [1])
        #expect(match.firstAlone == [0])
        #expect(match.secondAlone.isEmpty)
    }
}
