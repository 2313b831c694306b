/// Where a language model's batches come from.
public protocol TokenSource: Sendable {
    /// T, the tokens of a row.
    var length: Int { get }
    /// The training batch of a step; it follows from the step alone, so nothing of it is part of a state.
    func batch(at step: Int) -> TokenBatch
    /// A batch of the eval split by its number from the split's start, the same at every step; nil after its last.
    func evaluationBatch(_ index: Int) -> TokenBatch?
}
