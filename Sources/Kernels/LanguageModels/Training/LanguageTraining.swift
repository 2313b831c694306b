internal import CKernels

/// How a small language model is trained: AdamW on the mean cross-entropy of each token after the first of its row, with
/// the gradient's norm clipped.
public struct LanguageTraining: Equatable, Sendable {
    /// The model's shape.
    public var shape: TransformerShape
    /// How many optimiser steps are taken.
    public var steps: Int
    /// The optimiser's rate.
    public var learningRate: LearningRate
    /// AdamW's weight decay.
    public var weightDecay: Double
    /// The longest gradient that is not shortened.
    public var clippedNorm: Double

    /// Creates a description of a training.
    public init(
        shape: TransformerShape, steps: Int, learningRate: LearningRate, weightDecay: Double = 0.01,
        clippedNorm: Double = 1
    ) {
        self.shape = shape
        self.steps = steps
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.clippedNorm = clippedNorm
    }

    /// Trains a model from random weights.
    ///
    /// `progress` is called now and then with the step and its loss; false stops early.
    ///
    /// - Returns: The model and the mean loss of the last twenty steps, or nil if `progress` stopped it.
    /// - Throws: tokens that the model does not have, rows that are too long, no threads to be had, a loss that is not
    ///   finite.
    public func train(
        on tokens: any TokenSource, seed: Int, threads: Int, progress: (Int, Double) -> Bool
    ) throws(KernelError) -> (model: Transformer, loss: Double)? {
        let first = tokens.batch(at: 0)
        let state = try LanguageTrainingState(
            self, rows: first.rows, length: first.length, seed: seed, threads: threads)
        var recent: [Double] = []
        for step in 0..<steps {
            let loss = try state.gradients(of: tokens.batch(at: step))
            guard loss.isFinite else { throw .lossNotFinite(step: step, loss: "cross-entropy", value: loss) }
            state.update(rate: learningRate.rate(at: step, of: steps), updates: step + 1)
            recent = (recent + [loss]).suffix(20)
            if step % 20 == 0 || step == steps - 1, !progress(step, loss) { return nil }
        }
        let model = try Transformer(shape: shape, weights: state.weights.stateDict)
        return (model, recent.reduce(0, +) / Double(max(recent.count, 1)))
    }
}

/// A language model's weights, moments and memory while it is trained.
final class LanguageTrainingState {
    /// A part of the batch.
    private final class Part {
        let rows: Range<Int>
        let pass: TransformerPass
        let memory: PassMemory
        let head: HeadWork
        /// The gradients of all weights, laid out like the weights.
        let gradients: Storage
        let dFinal: Storage
        let labels: UnsafeMutableBufferPointer<Int32>
        var loss = 0.0

        init(
            rows: Range<Int>, weights: TransformerWeights, rotary: RotaryTables, length: Int,
            attention: PerThread<AttentionMemory>, head headMemory: PerThread<HeadMemory>
        ) throws(KernelError) {
            let shape = weights.shape
            let capacity = min(shape.rowsPerPass(length: length), rows.count)
            let places = capacity * length
            self.rows = rows
            pass = TransformerPass(
                weights: weights, rotary: rotary, capacity: capacity, length: length, memory: attention)
            memory = PassMemory(shape: shape, places: places) { _ in true }
            head = try HeadWork(weights: weights, places: places, memory: headMemory)
            gradients = Storage(count: weights.block.count)
            dFinal = Storage(count: shape.width * places)
            labels = .allocate(capacity: places)
            labels.initialize(repeating: -1)
            pass.weightGradients = gradients.pointer
        }

        deinit { labels.deallocate() }

        /// Computes the part's share of a batch's loss and its gradients; `share` is what a token counts.
        func process(_ tokens: UnsafePointer<Int32>, share: Float) {
            let length = pass.length
            gradients.clear()
            loss = 0
            for first in stride(from: rows.lowerBound, to: rows.upperBound, by: pass.capacity) {
                let own = tokens + first * length
                pass.load(own, rows: min(pass.capacity, rows.upperBound - first))
                for place in 0..<pass.places { labels[place] = (place + 1) % length == 0 ? -1 : own[place + 1] }
                pass.forward(memory)
                guard let labels = labels.baseAddress else { return }
                loss += head.trainedCrossEntropy(
                    of: memory.finalNormed, labels: labels, places: pass.places, dy: dFinal.pointer,
                    dHead: gradients.pointer + pass.weights.head, scale: share)
                pass.backward(memory, dFinal: dFinal.pointer)
            }
        }
    }

    let training: LanguageTraining
    let weights: TransformerWeights
    let length: Int
    let batchRows: Int
    private let team: Team
    private let parts: [Part]
    private let firstMoments: Storage
    private let secondMoments: Storage

    init(_ training: LanguageTraining, rows: Int, length: Int, seed: Int, threads: Int) throws(KernelError) {
        let shape = training.shape
        guard rows > 0, length > 1 else {
            throw .invalidSettings("a language model is trained on rows of at least 2 tokens")
        }
        self.training = training
        self.length = length
        batchRows = rows
        team = try Team(threads: threads)
        weights = TransformerWeights(shape: shape)
        for (index, weight) in shape.weights.enumerated() {
            weights.set(weight.name, Self.initialValues(weight, seed: seed, index))
        }
        let rotary = RotaryTables(shape, length: length)
        let count = LanguageDecomposition.parts(rows: rows, length: length, shape: shape)
        let attention = AttentionMemory.each(of: threads, shape, length: length)
        let places = min(shape.rowsPerPass(length: length), (rows + count - 1) / count) * length
        let head = HeadMemory.each(of: threads, shape, places: places)
        parts = try (0..<count).map { [weights] part throws(KernelError) in
            try Part(
                rows: rows * part / count..<rows * (part + 1) / count, weights: weights, rotary: rotary,
                length: length, attention: attention, head: head)
        }
        firstMoments = Storage(count: weights.block.count)
        secondMoments = Storage(count: weights.block.count)
    }

    /// Matrices normal with deviation 0.02, norms' weights 1, biases 0.
    private static func initialValues(_ weight: TransformerShape.Weight, seed: Int, _ index: Int) -> Tensor {
        let count = weight.shape.reduce(1, *)
        if weight.shape.count > 1 {
            let values = RandomStream(seed: seed, .targetWeights, index).normal(count).map { 0.02 * $0 }
            return Tensor(shape: weight.shape, values: values)
        }
        let value: Float = weight.name.hasSuffix(".weight") ? 1 : 0
        return Tensor(shape: weight.shape, values: Array(repeating: value, count: count))
    }

    /// The sum of all parts' gradients, laid out like the weights, once `gradients(of:)` has been called.
    var gradient: Storage { parts[0].gradients }

    /// Computes a batch's mean cross-entropy and its gradients.
    func gradients(of batch: TokenBatch) throws(KernelError) -> Double {
        try batch.check(for: training.shape)
        guard batch.rows == batchRows, batch.length == length else {
            throw .wrongShape(tensor: "batch", found: [batch.rows, batch.length], expected: [batchRows, length])
        }
        let predictions = batchRows * (length - 1)
        batch.tokens.withUnsafeBufferPointer { tokens in
            guard let start = tokens.baseAddress else { return }
            team.share(parts.count) { self.parts[$0].process(start, share: 1 / Float(predictions)) }
        }
        team.split(gradient.count) { range in
            for part in self.parts.dropFirst() {
                ck_add(
                    self.gradient.pointer + range.lowerBound, part.gradients.pointer + range.lowerBound, range.count)
            }
        }
        return parts.reduce(0) { $0 + $1.loss } / Double(predictions)
    }

    /// One update of the weights by the gradient, which is shortened where it is too long.
    func update(rate: Double, updates: Int) {
        let norm = ck_sum_of_squares(gradient.pointer, gradient.count).squareRoot()
        if norm > training.clippedNorm {
            ck_multiply(gradient.pointer, Float(training.clippedNorm / norm), gradient.count)
        }
        let adam = ck_adam(rate: rate, decay: training.weightDecay, updates: updates)
        team.split(gradient.count) { range in
            let start = range.lowerBound
            ck_adam_update(
                self.weights.pointer + start, self.firstMoments.pointer + start, self.secondMoments.pointer + start,
                self.gradient.pointer + start, range.count, adam)
        }
    }
}
