import Experiments
import Kernels
import LanguageData
import Synchronization

/// A language model's batches, out of encoded text.
///
/// A training batch follows from the seed and the step alone, so a run continues at its place after a resume.
final class TokenStream: TokenSource {
    let length: Int
    private let rows: Int
    private let training: TokenRows
    private let evaluation: TokenRows.Pass?
    private let evaluationBatches: Int
    /// The pass over the data that the last batch came from.
    private let pass = Mutex<(number: Int, pass: TokenRows.Pass)?>(nil)

    /// Reads batches of `batchSize` rows.
    init(training: TokenRows, evaluation: TokenRows?, batchSize: Int) {
        length = training.length
        rows = batchSize
        self.training = training
        self.evaluation = evaluation?.pass(0)
        evaluationBatches = (evaluation?.rowsPerPass ?? 0) / batchSize
    }

    /// Reads batches of a config's size.
    ///
    /// - Throws: `FileError` for encoded text that is missing or damaged.
    convenience init(_ sources: LanguageSources, text: Experiments.TextData, batchSize: Int, seed: Int) throws {
        self.init(
            training: TokenRows(
                try TokenFile(folder: sources.training), length: text.maxSeqLen, order: .shuffled(seed: seed)),
            evaluation: try sources.evaluation.map {
                TokenRows(try TokenFile(folder: $0), length: text.maxSeqLen, order: .asWritten)
            }, batchSize: batchSize)
    }

    func batch(at step: Int) -> TokenBatch {
        // The incomplete batch at a pass's end is dropped.
        let perPass = max(training.rowsPerPass / rows, 1)
        let number = step / perPass
        let pass = self.pass.withLock { known in
            if let known, known.number == number { return known.pass }
            let new = training.pass(number)
            known = (number, new)
            return new
        }
        return batch(step % perPass, of: pass)
    }

    func evaluationBatch(_ index: Int) -> TokenBatch? {
        guard let evaluation, index < evaluationBatches else { return nil }
        return batch(index, of: evaluation)
    }

    private func batch(_ index: Int, of pass: TokenRows.Pass) -> TokenBatch {
        let count = rows * length
        let tokens = [Int32](unsafeUninitializedCapacity: count) { buffer, filled in
            if let base = buffer.baseAddress {
                for row in 0..<rows { pass.copy(row: index * rows + row, to: base + row * length) }
            }
            filled = count
        }
        return TokenBatch(rows: rows, length: length, tokens: tokens)
    }
}

/// Batches of dummy tokens, for timing a step: what it takes does not depend on which tokens they are.
struct MadeUpTokens: TokenSource {
    let length: Int
    let rows: Int
    let vocabulary: Int

    func batch(at step: Int) -> TokenBatch {
        var state = UInt64(truncatingIfNeeded: step) &* 0x9E37_79B9_7F4A_7C15 | 1
        let tokens = (0..<rows * length).map { _ -> Int32 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int32((state >> 33) % UInt64(vocabulary))
        }
        return TokenBatch(rows: rows, length: length, tokens: tokens)
    }

    func evaluationBatch(_ index: Int) -> TokenBatch? { index < 10 ? batch(at: -1 - index) : nil }
}
