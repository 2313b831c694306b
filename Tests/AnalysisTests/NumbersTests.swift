import Analysis
import Kernels
import Testing

@Suite struct NumbersTests {
    @Test func anUnclearChoiceOfAColumnIsTold() {
        let order = ColumnOrder(Tensor(shape: [3, 4], values: [0, 1, 0, 0, 0.5, 9, 0.5, 0, 0, 0, 0, 1]))
        #expect(order.columns == [1, 0, 3, 2])
        #expect(order.isUnique == [true, false, true])
    }

    static let permutations: [(rows: [[Float]], order: [Int])] = [
        // A permuted identity is put in order.
        ([[0, 0, 1], [1, 0, 0], [0, 1, 0]], [2, 0, 1]),
        // An earlier row's choice stands, although the later row would have had more of it.
        ([[0.5, 0.4], [0.9, 0]], [0, 1]),
        ([[0.5, 0.6, 0.1], [0.2, 0.9, 0.3]], [1, 2, 0]),
        // Columns beyond the rows follow in order.
        ([[0, 0, 0, 1, 0]], [3, 0, 1, 2, 4]),
        // Of equal values the first is taken.
        ([[1, 1, 1], [1, 1, 1]], [0, 1, 2]),
        // More rows than columns.
        ([[0, 1], [1, 0], [5, 5]], [1, 0]),
        // What is not a number comes last.
        ([[.nan, 0, 1], [.nan, 0, 0]], [2, 1, 0]),
        ([[.nan, -1, 0]], [2, 0, 1]),
        ([[.nan, .nan]], [0, 1]),
        ([[-2, -1]], [1, 0]),
    ]

    @Test(arguments: permutations)
    func columnsAreOrderedGreedilyTowardsTheIdentity(rows: [[Float]], order: [Int]) {
        let matrix = Tensor(shape: [rows.count, rows[0].count], values: Array(rows.joined()))

        #expect(ColumnOrder(matrix).columns == order)
    }

    @Test func binsHoldTheirLowerEndsAndTheLastBothItsEnds() {
        let bins = EqualBins([0, 1, 2, 3, 4], count: 4)
        #expect(bins.edges == [0, 1, 2, 3, 4])
        #expect(bins.counts == [1, 1, 1, 2])
    }

    @Test func equalValuesLieInTheMiddle() {
        let bins = EqualBins([2, 2], count: 2)
        #expect(bins.edges == [1.5, 2, 2.5])
        #expect(bins.counts == [0, 2])
    }

    @Test func bothDeviationsAreTold() {
        let spread = Spread([1, 3])
        #expect(spread.mean == 2)
        #expect(spread.deviation == 1)
        #expect(abs(spread.sampleDeviation - 2.0.squareRoot()) < 1e-12)
    }

    @Test func l0CountsWhatIsOverAHundredth() {
        #expect(Activity.l0(Tensor(shape: [2, 2], values: [0.005, 0.02, 1, 0.5])) == 1.5)
    }

    @Test func theSummaryLeavesTinySubcomponentsOut() throws {
        let target = try TMSTarget(
            stateDict: [
                "linear1.weight": Tensor(shape: [2, 2], values: [2, 0, 0, 2]),
                "linear2.weight": Tensor(shape: [2, 2], values: [2, 0, 0, 2]),
                "linear2.bias": Tensor(shape: [2], values: [-0.5, 0.1]),
            ], shape: TMSShape(features: 2, hidden: 2, hiddenLayers: 0, tiedWeights: true))
        // Subcomponent 2 points exactly along both features' columns, but is next to nothing.
        let tensors: StateDict = [
            "components.linear1.V": Tensor(shape: [2, 3], values: [1, 0, 0.001, 0, 1, 0]),
            "components.linear1.U": Tensor(shape: [3, 2], values: [1, 1, 0, 1, 0.001, 0]),
        ]
        let summary = try #require(TMSSummary(target, tensors))
        #expect(summary.leftOut == [2])
        #expect(summary.matched == 2)
        #expect(abs(summary.cosines.mean - (0.5.squareRoot() + 1) / 2) < 1e-6)
        #expect(abs(summary.meanBias + 0.2) < 1e-6)
        // The published matching falls for it.
        #expect(try #require(TMSAnalysis(target, tensors)).maxIndices == [2, 1])
    }
}
