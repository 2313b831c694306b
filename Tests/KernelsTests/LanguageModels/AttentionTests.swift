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

    /// Both directions over ranges of queries, what each gives to keys and values added in their order.
    private struct Pass {
        let (out, logSum): (Storage, Storage)
        let gradients: [Storage]

        init(_ blocks: [Storage], scale: Float, window: Int, head: Int, length: Int, cutAt cuts: [Int] = []) {
            let (query, key, value, dOut) = (
                blocks[0].pointer, blocks[1].pointer, blocks[2].pointer, blocks[3].pointer
            )
            out = Storage(count: head * length)
            logSum = Storage(count: length)
            gradients = (0..<3).map { _ in Storage(count: head * length) }
            let scratch = Storage(count: ck_attention_scratch(head, length))
            let sums = Storage(count: ck_attention_sums(head, length))
            let ranges = zip([0] + cuts, cuts + [length]).map { ck_queries(from: $0, to: $1) }
            for queries in ranges {
                ck_attention_forward(
                    out.pointer, logSum.pointer, scratch.pointer, query, key, value, scale, window, queries, head,
                    length, length)
            }
            for queries in ranges {
                ck_attention_backward(
                    gradients[0].pointer, sums.pointer, scratch.pointer, dOut, out.pointer, logSum.pointer, query, key,
                    value, scale, window, queries, head, length, length)
                ck_attention_add(
                    gradients[1].pointer, gradients[2].pointer, sums.pointer, window, queries, head, length, length)
            }
        }
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

        let blocks = [q, k, v, g].map { Storage($0.values) }
        for cuts in [[], [32], [16, 48, 64]] where cuts.allSatisfy({ $0 < length }) {
            let pass = Pass(blocks, scale: Float(scale), window: window, head: head, length: length, cutAt: cuts)
            compare(pass.out.values(0, head * length), out, "out, cut at \(cuts)")
            compare(pass.logSum.values(0, length), logs, "log sums, cut at \(cuts)")
            for (gradient, (expected, name)) in zip(pass.gradients, [(dq, "dquery"), (dk, "dkey"), (dv, "dvalue")]) {
                compare(gradient.values(0, head * length), expected, "\(name), cut at \(cuts)")
            }
        }
    }

    /// Threads share queries, and each query's bytes are those of the whole.
    @Test(arguments: sizes)
    func aQueryDoesNotDependOnTheOthers(size: (Int, Int, Int)) {
        let (head, length, window) = size
        let blocks = (1...4).map { Storage(RandomStream(seed: $0, .mask).normal(head * length)) }
        let whole = Pass(blocks, scale: 0.7, window: window, head: head, length: length)
        let cut = Pass(
            blocks, scale: 0.7, window: window, head: head, length: length,
            cutAt: Array(stride(from: 16, to: length, by: 16)))
        #expect(cut.out.values(0, head * length) == whole.out.values(0, head * length))
        #expect(cut.logSum.values(0, length) == whole.logSum.values(0, length))
        #expect(cut.gradients[0].values(0, head * length) == whole.gradients[0].values(0, head * length))
    }

    /// Ranges cover all queries, end at whole vectors, and see about equally many keys.
    @Test(arguments: [(1, 512, nil), (3, 512, nil), (1, 2048, 256), (1, 100, nil), (16, 512, nil), (2, 700, 1)])
    func queriesAreCutEvenly(rows: Int, length: Int, window: Int?) throws {
        var attention = try LanguageScene.Model.llama.transformer().shape.layers[0].attention
        attention.window = window
        let ranges = AttentionCuts.ranges(attention, rows: rows, length: length)
        #expect(ranges.count == min((16 + 4 * rows - 1) / (4 * rows), max(1, length / 64)))
        #expect(ranges.first?.from == 0)
        #expect(ranges.last?.to == length)
        for (one, next) in zip(ranges, ranges.dropFirst()) {
            #expect(one.to == next.from)
            #expect(one.to % 16 == 0)
        }
        let seen = ranges.map { ($0.from..<$0.to).reduce(0) { $0 + min($1 + 1, window ?? length) } }
        let mean = seen.reduce(0, +) / ranges.count
        // A vector of queries more or less.
        for count in seen { #expect(abs(count - mean) <= 16 * (window ?? length)) }
    }

    /// Where all weight is on one key, the score's gradient is zero to the bit, whatever rounding says.
    @Test func aTokenThatSeesItselfAloneHasNoGradientOfItsScore() {
        let (head, length) = (16, 40)
        let blocks = (1...4).map { Storage(RandomStream(seed: $0, .mask).normal(head * length)) }
        let pass = Pass(blocks, scale: 1, window: 1, head: head, length: length)
        #expect(pass.gradients[0].values(0, head * length).allSatisfy { $0 == 0 })
        #expect(pass.gradients[1].values(0, head * length).allSatisfy { $0 == 0 })
        #expect(pass.gradients[2].values(0, head * length) == blocks[3].values(0, head * length))
    }
}
