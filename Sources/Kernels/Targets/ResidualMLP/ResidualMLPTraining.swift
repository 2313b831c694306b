internal import CKernels

/// How a residual MLP is trained: AdamW with weight decay 0.01 towards labels that are functions of the input.
public struct ResidualMLPTraining: Equatable, Sendable {
    /// What the embedding is.
    public enum Embedding: Equatable, Sendable {
        /// Random rows of unit norm, W_U = W_Eᵀ, both fixed.
        case fixedRandom
        /// The identity, W_U = W_Eᵀ, both fixed.
        case fixedIdentity
        /// Both are trained, from random rows of unit norm.
        case trained
    }

    /// y as a function of x.
    public enum Labels: String, Sendable {
        /// act(coefficients · x) + x.
        case actPlusResid = "act_plus_resid"
        /// |coefficients · x|.
        case abs
    }

    /// What is compared.
    public enum Loss: String, Sendable {
        /// The output with y, feature i weighed by its importance.
        case readoff
        /// The residual stream with y W_E.
        case resid
    }

    /// The model's shape.
    public var shape: ResidualMLPShape
    /// Where the batches come from.
    public var data: SparseFeatures
    /// Rows per step.
    public var batchSize: Int
    /// How many optimiser steps are taken.
    public var steps: Int
    /// The optimiser's rate.
    public var learningRate: LearningRate
    /// What the embedding is.
    public var embedding: Embedding
    /// y as a function of x.
    public var labels: Labels
    /// The coefficients of the labels (features).
    public var labelCoefficients: [Float]
    /// What is compared.
    public var loss: Loss
    /// Feature i weighs this to the power i.
    public var importance: Float
    /// Over how many batches the final loss is averaged.
    public var finalBatches: Int

    /// Creates a description of a training.
    public init(
        shape: ResidualMLPShape, data: SparseFeatures, batchSize: Int, steps: Int, learningRate: LearningRate,
        embedding: Embedding, labels: Labels, labelCoefficients: [Float], loss: Loss, importance: Float,
        finalBatches: Int
    ) {
        self.shape = shape
        self.data = data
        self.batchSize = batchSize
        self.steps = steps
        self.learningRate = learningRate
        self.embedding = embedding
        self.labels = labels
        self.labelCoefficients = labelCoefficients
        self.loss = loss
        self.importance = importance
        self.finalBatches = finalBatches
    }

    /// Label coefficients uniform in [1, 2).
    public static func labelCoefficients(features: Int, seed: Int) -> [Float] {
        RandomStream(seed: seed, .targetLabels).uniform(features).map { 1 + $0 }
    }

    /// Trains a target from random weights.
    ///
    /// `progress` is called now and then with the step and its loss; false stops early.
    ///
    /// - Returns: The target and its mean loss over `finalBatches` batches, or nil if `progress` stopped it.
    /// - Throws: `cannotStartThreads`.
    public func train(
        seed: Int, threads: Int, progress: (Int, Double) -> Bool
    ) throws(KernelError) -> (target: ResidualMLPTarget, loss: Double)? {
        let model = try ResidualMLPTrainingState(self, seed: seed, threads: threads)
        for step in 0..<steps {
            let rate = learningRate.rate(at: step, of: steps)
            let loss = model.loss(streams: .target(seed: seed, step: step))
            model.update(rate: rate, updates: step + 1)
            if step % 20 == 0 || step == steps - 1, !progress(step, loss) { return nil }
        }
        let total = (0..<finalBatches).reduce(0) {
            $0 + model.loss(streams: .target(seed: seed, step: steps + $1))
        }
        return (model.target, total / Double(max(finalBatches, 1)))
    }
}

/// A residual MLP's weights, moments and memory while it is trained.
private final class ResidualMLPTrainingState {
    private struct Layer {
        let input: TrainedMatrix
        let inputBias: TrainedMatrix?
        let output: TrainedMatrix
        let outputBias: TrainedMatrix?

        var matrices: [TrainedMatrix] { [input, output] + [inputBias, outputBias].compactMap(\.self) }
    }

    /// A part of the batch: its rows and blocks.
    private final class Part {
        let rows: BatchRows
        let tile: Tile
        /// The residual stream before each layer and at the end (d, rows).
        let streams: [Storage]
        /// Neurons before and after activation (m, rows), by layer.
        let before: [Storage]
        let after: [Storage]
        let dStream: Storage
        let dNeurons: Storage
        let labels: Storage
        let embeddedLabels: Storage
        /// Gradients of all matrices, in their order.
        let gradients: [Storage]
        var loss = 0.0

        init(range: Range<Int>, shape: ResidualMLPShape, sizes: [Int]) {
            let capacity = 64
            rows = BatchRows(range: range, features: shape.features)
            tile = Tile(
                capacity: capacity, features: shape.features, outputs: shape.features, modules: 0,
                subcomponents: 0)
            streams = (0...shape.layers).map { _ in Storage(count: shape.embedding * capacity) }
            before = (0..<shape.layers).map { _ in Storage(count: shape.neurons * capacity) }
            after = (0..<shape.layers).map { _ in Storage(count: shape.neurons * capacity) }
            dStream = Storage(count: shape.embedding * capacity)
            dNeurons = Storage(count: shape.neurons * capacity)
            labels = Storage(count: shape.features * capacity)
            embeddedLabels = Storage(count: shape.embedding * capacity)
            gradients = sizes.map { Storage(count: $0) }
        }
    }

    private let training: ResidualMLPTraining
    private let embedding: TrainedMatrix
    private let unembedding: TrainedMatrix
    private let layers: [Layer]
    private let matrices: [TrainedMatrix]
    private let importances: Storage
    private let team: Team
    private let parts: [Part]

    init(_ training: ResidualMLPTraining, seed: Int, threads: Int) throws(KernelError) {
        let shape = training.shape
        let (f, d, m) = (shape.features, shape.embedding, shape.neurons)
        self.training = training
        var rows: [Float]
        if training.embedding == .fixedIdentity {
            rows = (0..<f * d).map { $0 % (d + 1) == 0 ? 1 : 0 }
        } else {
            rows = RandomStream(seed: seed, .targetWeights, 0).normal(f * d)
            for feature in 0..<f {
                let row = feature * d..<(feature + 1) * d
                let length = Float(rows[row].reduce(0.0) { $0 + Double($1 * $1) }.squareRoot())
                for place in row { rows[place] /= length }
            }
        }
        let isTrained = training.embedding == .trained
        embedding = TrainedMatrix(rows, outputs: f, inputs: d, isTrained: isTrained)
        unembedding = TrainedMatrix(
            Tensor(shape: [f, d], values: rows).transposed.values, outputs: d, inputs: f, isTrained: isTrained
        )
        layers = (0..<shape.layers).map { index in
            func linear(_ part: Int, _ outputs: Int, _ inputs: Int, fanIn: Int) -> TrainedMatrix {
                TrainedMatrix(
                    TrainedMatrix.linear(
                        seed: seed, 1 + 4 * index + part, count: outputs * inputs, inputs: fanIn),
                    outputs: outputs, inputs: inputs)
            }
            return Layer(
                input: linear(0, m, d, fanIn: d), inputBias: shape.inBias ? linear(1, m, 1, fanIn: d) : nil,
                output: linear(2, d, m, fanIn: m), outputBias: shape.outBias ? linear(3, d, 1, fanIn: m) : nil
            )
        }
        matrices = [embedding, unembedding] + layers.flatMap(\.matrices)
        var weight: Float = 1
        importances = Storage(
            (0..<f).map { _ in
                defer { weight *= training.importance }
                return weight
            })
        let sizes = matrices.map { $0.isTrained ? $0.weight.count : 0 }
        let batch = training.batchSize
        // As many parts whatever the threads, so the same target comes out.
        let count = max(4, threads)
        parts = (0..<count).map {
            Part(range: batch * $0 / count..<batch * ($0 + 1) / count, shape: shape, sizes: sizes)
        }
        team = try Team(threads: threads)
    }

    var target: ResidualMLPTarget {
        ResidualMLPTarget(
            embedding: embedding.tensor, unembedding: unembedding.tensor,
            layers: layers.map {
                .init(
                    input: $0.input.tensor, inputBias: $0.inputBias?.vector, output: $0.output.tensor,
                    outputBias: $0.outputBias?.vector)
            },
            activation: training.shape.activation)
    }

    /// Computes a batch's loss and the gradients of all trained matrices.
    func loss(streams: SparseFeatures.Streams) -> Double {
        let joinsEmptyRows = !training.shape.inBias && !training.shape.outBias
        team.share(parts.count) { number in
            let part = self.parts[number]
            part.loss = 0
            for gradient in part.gradients { gradient.clear() }
            part.rows.draw(self.training.data, streams: streams, joiningEmptyRows: joinsEmptyRows)
            var next = 0
            while next < part.rows.kept {
                next += part.tile.load(part.rows, from: next)
                part.loss += self.pass(part)
            }
        }
        for (index, matrix) in matrices.enumerated() where matrix.isTrained {
            matrix.gradient.clear()
            for part in parts {
                ck_add(matrix.gradient.pointer, part.gradients[index].pointer, matrix.gradient.count)
            }
        }
        let width = training.loss == .resid ? training.shape.embedding : training.shape.features
        return parts.reduce(0) { $0 + $1.loss } / Double(training.batchSize * width)
    }

    func update(rate: Double, updates: Int) {
        let adam = ck_adam(rate: rate, decay: 0.01, updates: updates)
        for matrix in matrices { matrix.update(adam) }
    }

    /// Forward and backward over a tile; returns its squared error.
    private func pass(_ part: Part) -> Double {
        let (shape, rows, tile) = (training.shape, part.tile.rows, part.tile)
        let (f, d, m) = (shape.features, shape.embedding, shape.neurons)
        product(
            into: part.streams[0].pointer, embedding.weight.pointer, tile.x, m: d, n: rows, k: f, .transposed)
        for (index, layer) in layers.enumerated() {
            let (before, after) = (part.before[index].pointer, part.after[index].pointer)
            let (old, new) = (part.streams[index].pointer, part.streams[index + 1].pointer)
            product(into: before, layer.input.weight.pointer, old, m: m, n: rows, k: d)
            if let bias = layer.inputBias { ck_add_bias(before, bias.weight.pointer, m, rows) }
            switch shape.activation {
            case .relu: ck_relu(after, before, m * rows)
            case .gelu: ck_gelu(after, before, m * rows)
            }
            new.update(from: old, count: d * rows)
            product(into: new, layer.output.weight.pointer, after, m: d, n: rows, k: m, keep: 1)
            if let bias = layer.outputBias { ck_add_bias(new, bias.weight.pointer, d, rows) }
        }
        let loss = outputLoss(part)
        backward(part)
        return loss
    }

    /// The loss, and its gradient in `dStream`.
    private func outputLoss(_ part: Part) -> Double {
        let (rows, tile) = (part.tile.rows, part.tile)
        let (f, d) = (training.shape.features, training.shape.embedding)
        let stream = part.streams[layers.count].pointer
        ck_labels(
            part.labels.pointer, tile.x, training.labelCoefficients,
            training.labels == .abs ? 2 : training.shape.activation == .gelu ? 1 : 0, f, rows)
        guard training.loss == .readoff else {
            product(
                into: part.embeddedLabels.pointer, embedding.weight.pointer, part.labels.pointer, m: d,
                n: rows, k: f,
                .transposed)
            let loss = ck_mse(
                part.dStream.pointer, stream, part.embeddedLabels.pointer, tile.weight,
                1 / Float(training.batchSize * d), d, rows)
            if embedding.isTrained {  // y W_E depends on it too
                product(
                    into: part.gradients[0].pointer, part.labels.pointer, part.dStream.pointer, m: f, n: d,
                    k: rows,
                    .none, .transposed, scale: -1, keep: 1)
            }
            return loss
        }
        product(into: tile.output, unembedding.weight.pointer, stream, m: f, n: rows, k: d, .transposed)
        let loss = ck_weighted_mse(
            tile.dOutput, tile.output, part.labels.pointer, tile.weight, importances.pointer,
            1 / Float(training.batchSize * f), f, rows)
        if unembedding.isTrained {
            product(
                into: part.gradients[1].pointer, stream, tile.dOutput, m: d, n: f, k: rows, .none,
                .transposed, keep: 1)
        }
        product(into: part.dStream.pointer, unembedding.weight.pointer, tile.dOutput, m: d, n: rows, k: f)
        return loss
    }

    private func backward(_ part: Part) {
        let (shape, rows) = (training.shape, part.tile.rows)
        let (f, d, m) = (shape.features, shape.embedding, shape.neurons)
        let (dStream, dNeurons) = (part.dStream.pointer, part.dNeurons.pointer)
        var first = matrices.count
        for (index, layer) in layers.enumerated().reversed() {
            first -= layer.matrices.count
            var gradients = part.gradients[first...].makeIterator()
            let (dInput, dOutput) = (gradients.next(), gradients.next())
            if let dOutput {
                product(
                    into: dOutput.pointer, dStream, part.after[index].pointer, m: d, n: m, k: rows, .none,
                    .transposed,
                    keep: 1)
            }
            let dInputBias = layer.inputBias == nil ? nil : gradients.next()
            if layer.outputBias != nil, let dBias = gradients.next() {
                ck_sum_rows(dBias.pointer, dStream, d, rows)
            }
            product(into: dNeurons, layer.output.weight.pointer, dStream, m: m, n: rows, k: d, .transposed)
            switch shape.activation {
            case .relu: ck_relu_backward(dNeurons, dNeurons, part.before[index].pointer, m * rows)
            case .gelu: ck_gelu_backward(dNeurons, dNeurons, part.before[index].pointer, m * rows)
            }
            if let dInputBias { ck_sum_rows(dInputBias.pointer, dNeurons, m, rows) }
            if let dInput {
                product(
                    into: dInput.pointer, dNeurons, part.streams[index].pointer, m: m, n: d, k: rows, .none,
                    .transposed, keep: 1)
            }
            if index > 0 || embedding.isTrained {
                product(
                    into: dStream, layer.input.weight.pointer, dNeurons, m: d, n: rows, k: m, .transposed,
                    keep: 1)
            }
        }
        if embedding.isTrained {
            product(
                into: part.gradients[0].pointer, part.tile.x, dStream, m: f, n: d, k: rows, .none,
                .transposed, keep: 1)
        }
    }
}
