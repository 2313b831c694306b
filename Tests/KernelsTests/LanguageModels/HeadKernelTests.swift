import CKernels
import Foundation
import Testing

@testable import Kernels

/// The sums behind a head: a kl is a small difference of two of them.
struct HeadKernelTests {
    private let tokens = 512
    private let rows = 16

    private func logits(_ seed: UInt64, spread: Float) -> [Float] {
        var numbers = Numbers(seed: seed)
        return numbers.tensor([tokens, rows], -spread..<spread).values
    }

    /// log Z of a row of logits, in double precision.
    private func logTotal(_ logits: [Float], row: Int) -> Double {
        log((0..<tokens).reduce(0.0) { $0 + exp(Double(logits[$1 * rows + row])) })
    }

    /// A float that grows over all tokens would be off by 3e-7 of it.
    @Test func theSumOfExponentialsIsRightToAFractionOfAFloatsRounding() {
        let given = logits(1, spread: 0.5)
        var tile = given
        var tops = [Float](repeating: -.infinity, count: rows)
        var sums = [Double](repeating: 0, count: rows)
        var rescale = [Float](repeating: 0, count: rows)

        ck_softmax_tile(&tile, &tops, &sums, &rescale, tokens, rows)

        for row in 0..<rows {
            #expect(abs(Double(tops[row]) + log(sums[row]) - logTotal(given, row: row)) < 5e-8, "row \(row)")
        }
    }

    @Test func theDivergenceOfOutputsThatAreNearlyTheTargetsIsRight() {
        let target = logits(2, spread: 3)
        var out = zip(target, logits(3, spread: 0.01)).map(+)
        let (outTotals, targetTotals) = (
            (0..<rows).map { logTotal(out, row: $0) }, (0..<rows).map { logTotal(target, row: $0) }
        )
        let expected = (0..<rows).map { row in
            (0..<tokens).reduce(0.0) { sum, token in
                let (x, y) = (Double(target[token * rows + row]), Double(out[token * rows + row]))
                let logP = x - targetTotals[row]
                return sum + exp(logP) * (logP - y + outTotals[row])
            }
        }
        var gains = [Double](repeating: 0, count: rows)

        ck_kl_tile(&out, target, &gains, outTotals.map(Float.init), targetTotals.map(Float.init), 1, tokens, rows)

        for row in 0..<rows {
            #expect(abs(gains[row] + outTotals[row] - targetTotals[row] - expected[row]) < 1e-8, "row \(row)")
        }
    }
}
