internal import CKernels

extension Transformer {
    /// Runs the model: the logits (rows, length, vocabulary) of a batch.
    ///
    /// - Throws: tokens that the model does not have, rows that are too long, no available threads.
    public func logits(of batch: TokenBatch, threads: Int) throws(KernelError) -> Tensor {
        try batch.check(for: shape)
        let team = try Team(threads: threads)
        let weights = TransformerWeights(self)
        let rotary = RotaryTables(shape, length: batch.length)
        let memory = AttentionMemory.each(of: threads, shape, length: batch.length)
        let step = shape.rowsPerPass(length: batch.length)
        var result = Tensor(zeros: [batch.rows, batch.length, shape.vocabulary])
        result.values.withUnsafeMutableBufferPointer { logits in
            guard let logits = logits.baseAddress else { return }
            // Each piece reads and writes rows that no other does.
            nonisolated(unsafe) let out = logits
            batch.tokens.withUnsafeBufferPointer { buffer in
                guard let start = buffer.baseAddress else { return }
                nonisolated(unsafe) let tokens = start
                team.share((batch.rows + step - 1) / step) { piece in
                    let first = piece * step
                    let pass = TransformerPass(
                        weights: weights, rotary: rotary, capacity: step, length: batch.length, memory: memory)
                    let memory = PassMemory(shape: self.shape, places: step * batch.length) { _ in false }
                    pass.load(tokens + first * batch.length, rows: min(step, batch.rows - first))
                    pass.forward(memory)
                    product(
                        into: out + first * batch.length * self.shape.vocabulary, memory.finalNormed,
                        weights.pointer + weights.head, m: pass.places, n: self.shape.vocabulary, k: self.shape.width,
                        .transposed, .transposed)
                }
            }
        }
        return result
    }
}
