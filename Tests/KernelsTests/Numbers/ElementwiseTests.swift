import CKernels
import Foundation
import Testing

/// The C kernels' approximations and reductions, over all of the range that training meets.
@Suite struct ElementwiseTests {
    private let grid = (-4000...4000).map { Float($0) / 400 } + [-88, -40, 40, 88, -1e-6, 1e-6]

    @Test func geluIsExactToRounding() {
        var found = [Float](repeating: 0, count: grid.count)
        ck_gelu(&found, grid, grid.count)
        for (x, y) in zip(grid, found) {
            #expect(abs(Double(y) - gelu(Double(x))) <= 5e-7 * max(1, abs(Double(x))), "at \(x)")
        }
    }

    @Test func theSlopeOfGeluIsExactToRounding() {
        var found = [Float](repeating: 0, count: grid.count)
        ck_gelu_backward(&found, [Float](repeating: 1, count: grid.count), grid, grid.count)
        for (x, y) in zip(grid, found) {
            let x = Double(x)
            let slope = 0.5 * erfc(-x / 2.0.squareRoot()) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
            #expect(abs(Double(y) - slope) <= 1e-6, "at \(x)")
        }
    }

    /// An absolute value has no slope at zero, where every gate starts on an empty row.
    @Test(arguments: [CK_HARD, CK_LEAKY_HARD, CK_UPPER_LEAKY_HARD])
    func importanceLossesHaveNoSlopeWhereAGateIsExactlyZero(sigmoid: Int) {
        var (dg, g, none, one) = (
            [Float](repeating: 7, count: 3), [Float(0), 0.5, -0.5], [Float](repeating: 0, count: 3),
            [Float](repeating: 1, count: 3)
        )
        ck_importance_backward(&dg, &none, &one, &g, Int32(sigmoid), 3)
        #expect(dg == [0, 1, 0])
    }

    /// Masks of leaky_hard leak below zero, at zero too.
    @Test func masksOfLeakyHardLeakBelowZero() {
        let (g, one) = ([Float(-3), -0.0, 0, 0.5, 1, 1.5], [Float](repeating: 1, count: 6))
        var dg = one
        ck_importance_backward(&dg, one, [Float](repeating: 0, count: 6), g, Int32(CK_LEAKY_HARD), 6)
        #expect(dg == [0.01, 0.01, 0.01, 1, 1, 0])
    }

    @Test func longSumsKeepTheirDigits() {
        let values = (0..<300_000).map { 1 + Float($0 % 7) * 0.25 }
        let exact = values.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(ck_sum_of_squares(values, values.count) / exact - 1) < 1e-6)
    }
}
