import Search
import Testing

struct HyperbandTests {
    @Test func bandsAreThoseOfWandB() {
        #expect(Hyperband(maxIterations: 27, s: 2, eta: 3, isStrict: true).bands == [3, 9])
        #expect(Hyperband(maxIterations: 5, s: 2, eta: 2, isStrict: true).bands == [1, 2])
        #expect(Hyperband(maxIterations: 2, s: 4, eta: 3, isStrict: true).bands == [])
        #expect(Hyperband(minIterations: 3, eta: 3, isStrict: true).bands.prefix(4) == [3, 9, 27, 81])
        #expect(Hyperband(minIterations: 1, eta: 1.5, isStrict: true).bands.prefix(4) == [1, 2, 3, 5])
    }

    // The example in the documentation of W&B's `hyperband_stop_runs`.
    @Test func thresholdsAreThoseOfWandB() {
        let hyperband = Hyperband(maxIterations: 5, s: 2, eta: 2, isStrict: false)
        #expect(hyperband.threshold([10, 10, 10, 10, 10]) == 10)
        #expect(hyperband.threshold([9, 10, 8, 7, 6]) == 8)
        #expect(hyperband.threshold([4]) == 4)
        #expect(hyperband.threshold([]) == nil)
    }
}
