import CKernels
import Foundation
import Testing

@testable import Kernels

/// Attention over one head of a text, against sums in double precision.
@Suite struct AttentionTests {
    /// The head's size, the tokens, the window: blocks and groups that are full and that are not.
    static let sizes = [(16, 64, 64), (4, 130, 130), (5, 37, 7), (12, 50, 1), (8, 1, 1), (64, 33, 20), (3, 200, 90)]
    private let scale = 0.7

    /// Numbers (head, length), in double precision.
    private struct Rows {
        let values: [Float]
        let length: Int

        init(_ head: Int, _ length: Int, seed: Int, scale: Float = 1) {
            values = RandomStream(seed: seed, .mask).normal(head * length).map { $0 * scale }
            self.length = length
        }

        func at(_ k: Int, _ j: Int) -> Double { Double(values[k * length + j]) }
    }

    private func compare(_ found: [Float], _ expected: [Double], _ what: Comment) {
        let bound = 3e-6 * max(expected.map(abs).max() ?? 0, 1e-3)
        for (x, y) in zip(found, expected) where !(abs(Double(x) - y) <= bound) {
            Issue.record("\(what): \(x) where \(y) is expected")
            return
        }
    }

    @Test(arguments: sizes)
    func bothDirectionsAreTheSumsOfTheFormula(size: (Int, Int, Int)) {
        let (head, length, window) = size
        let (q, k, v) = (Rows(head, length, seed: 1), Rows(head, length, seed: 2), Rows(head, length, seed: 3))
        let g = Rows(head, length, seed: 4)
        var out = Array(repeating: 0.0, count: head * length)
        var (dq, dk, dv) = (out, out, out)
        var logs = Array(repeating: 0.0, count: length)
        for i in 0..<length {
            let seen = max(0, i + 1 - window)...i
            let scores = seen.map { j in scale * (0..<head).reduce(0) { $0 + q.at($1, i) * k.at($1, j) } }
            logs[i] = log(scores.reduce(0) { $0 + exp($1) })
            let p = scores.map { exp($0 - logs[i]) }
            let dp = seen.map { j in (0..<head).reduce(0) { $0 + g.at($1, i) * v.at($1, j) } }
            let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
            for (place, j) in seen.enumerated() {
                let ds = scale * p[place] * (dp[place] - mean)
                for e in 0..<head {
                    out[e * length + i] += p[place] * v.at(e, j)
                    dv[e * length + j] += p[place] * g.at(e, i)
                    dk[e * length + j] += ds * q.at(e, i)
                    dq[e * length + i] += ds * k.at(e, j)
                }
            }
        }

        let block = { (values: [Float]) in Storage(values) }
        let (query, key, value, dOut) = (block(q.values), block(k.values), block(v.values), block(g.values))
        let (result, logSum) = (Storage(count: head * length), Storage(count: length))
        let gradients = (0..<3).map { _ in Storage(count: head * length) }
        let scratch = Storage(count: ck_attention_scratch(head, length))
        ck_attention_forward(
            result.pointer, logSum.pointer, scratch.pointer, query.pointer, key.pointer, value.pointer, Float(scale),
            window, head, length, length)
        ck_attention_backward(
            gradients[0].pointer, gradients[1].pointer, gradients[2].pointer, scratch.pointer, dOut.pointer,
            result.pointer, logSum.pointer, query.pointer, key.pointer, value.pointer, Float(scale), window, head,
            length, length)
        compare(result.values(0, head * length), out, "out")
        compare(logSum.values(0, length), logs, "log sums")
        for (gradient, (expected, name)) in zip(gradients, [(dq, "dquery"), (dk, "dkey"), (dv, "dvalue")]) {
            compare(gradient.values(0, head * length), expected, Comment(rawValue: name))
        }
    }

    /// Where all weight is on one key, the score's gradient is zero to the bit, whatever rounding says.
    @Test func aTokenThatSeesItselfAloneHasNoGradientOfItsScore() {
        let (head, length) = (16, 40)
        let blocks = (1...4).map { Storage(RandomStream(seed: $0, .mask).normal(head * length)) }
        let (result, logSum) = (Storage(count: head * length), Storage(count: length))
        let gradients = (0..<3).map { _ in Storage(count: head * length) }
        let scratch = Storage(count: ck_attention_scratch(head, length))
        ck_attention_forward(
            result.pointer, logSum.pointer, scratch.pointer, blocks[0].pointer, blocks[1].pointer, blocks[2].pointer,
            1, 1, head, length, length)
        ck_attention_backward(
            gradients[0].pointer, gradients[1].pointer, gradients[2].pointer, scratch.pointer, blocks[3].pointer,
            result.pointer, logSum.pointer, blocks[0].pointer, blocks[1].pointer, blocks[2].pointer, 1, 1, head, length,
            length)
        #expect(gradients[0].values(0, head * length).allSatisfy { $0 == 0 })
        #expect(gradients[1].values(0, head * length).allSatisfy { $0 == 0 })
        #expect(gradients[2].values(0, head * length) == blocks[3].values(0, head * length))
    }
}
