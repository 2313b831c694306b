internal import CKernels

/// How a toy model of superposition is trained: AdamW with weight decay 0.01 on mean((|x| - out)²).
public struct TMSTraining: Equatable, Sendable {
    /// What becomes of the square layers in the bottleneck.
    public enum HiddenLayers: Equatable, Sendable {
        case trained
        case fixedIdentity
        case fixedRandom
    }

    /// The model's shape.
    public var shape: TMSShape
    /// Where the batches come from.
    public var data: SparseFeatures
    /// Rows per step.
    public var batchSize: Int
    /// How many optimiser steps are taken.
    public var steps: Int
    /// The optimiser's rate.
    public var learningRate: LearningRate
    /// Whether linear2's bias starts at zero rather than as a torch Linear's.
    public var biasStartsAtZero: Bool
    /// What becomes of the hidden layers.
    public var hiddenLayers: HiddenLayers

    /// Creates a description of a training.
    public init(
        shape: TMSShape, data: SparseFeatures, batchSize: Int, steps: Int, learningRate: LearningRate,
        biasStartsAtZero: Bool, hiddenLayers: HiddenLayers
    ) {
        self.shape = shape
        self.data = data
        self.batchSize = batchSize
        self.steps = steps
        self.learningRate = learningRate
        self.biasStartsAtZero = biasStartsAtZero
        self.hiddenLayers = hiddenLayers
    }

    /// Trains a target from random weights.
    ///
    /// `progress` is called now and then with the step and its loss; false stops early.
    ///
    /// - Returns: The target and the last step's loss, or nil if `progress` stopped it.
    public func train(seed: Int, progress: (Int, Double) -> Bool) -> (target: TMSTarget, loss: Double)? {
        let model = TMSTrainingState(self, seed: seed)
        var loss = 0.0
        for step in 0..<steps {
            loss = model.step(
                streams: .target(seed: seed, step: step),
                rate: learningRate.rate(at: step, of: steps), updates: step + 1)
            if step % 100 == 0 || step == steps - 1, !progress(step, loss) { return nil }
        }
        return (model.target, loss)
    }
}

extension TMSTarget {
    /// The features that the target fails to represent: an input of 0.75 at the feature alone comes out further than
    /// 0.3 from that, or its column of linear1 is shorter than half the median.
    public var unrepresentedFeatures: [Int] {
        let (f, h) = (features, hidden)
        func norm(_ j: Int) -> Float {
            (0..<h).reduce(0) { $0 + linear1.values[$1 * f + j] * linear1.values[$1 * f + j] }.squareRoot()
        }
        let norms = (0..<f).map(norm)
        let median = norms.sorted()[f / 2]
        return (0..<f).filter { feature in
            abs(output(ofFeature: feature, at: 0.75)[feature] - 0.75) > 0.3 || norms[feature] < median / 2
        }
    }

    /// The output for an input that holds `value` at one feature and zeros elsewhere.
    public func output(ofFeature feature: Int, at value: Float) -> [Float] {
        var hiddenValues = (0..<hidden).map { linear1.values[$0 * features + feature] * value }
        for layer in hiddenLayers {
            hiddenValues = (0..<hidden).map { row in
                (0..<hidden).reduce(0) { $0 + layer.values[row * hidden + $1] * hiddenValues[$1] }
            }
        }
        return (0..<features).map { row in
            max(
                0,
                (0..<hidden).reduce(bias.values[row]) {
                    $0 + linear2.values[row * hidden + $1] * hiddenValues[$1]
                })
        }
    }
}

/// A TMS target's weights, moments and memory while it is trained.
private final class TMSTrainingState {
    private let training: TMSTraining
    /// linear1, the hidden layers, linear2.
    private let chain: [TrainedMatrix]
    private let bias: TrainedMatrix
    private let rows: BatchRows
    private let tile: Tile
    /// The activations behind each matrix, then two gradients.
    private let blocks: [Storage]

    init(_ training: TMSTraining, seed: Int) {
        let (f, h, layers) = (training.shape.features, training.shape.hidden, training.shape.hiddenLayers)
        self.training = training
        func linear(_ index: Int, _ count: Int, inputs: Int) -> [Float] {
            TrainedMatrix.linear(seed: seed, index, count: count, inputs: inputs)
        }
        let first = linear(0, h * f, inputs: f)
        let hidden = (0..<layers).map { index in
            let values: [Float] =
                switch training.hiddenLayers {
                case .trained: linear(3 + index, h * h, inputs: h)
                case .fixedIdentity: (0..<h * h).map { $0 % (h + 1) == 0 ? 1 : 0 }
                case .fixedRandom: RandomStream(seed: seed, .targetWeights, 3 + index).normal(h * h)
                }
            return TrainedMatrix(values, outputs: h, inputs: h, isTrained: training.hiddenLayers == .trained)
        }
        let last =
            training.shape.tiedWeights
            ? Tensor(shape: [h, f], values: first).transposed.values : linear(1, f * h, inputs: h)
        chain =
            [TrainedMatrix(first, outputs: h, inputs: f)] + hidden + [
                TrainedMatrix(last, outputs: f, inputs: h)
            ]
        bias = TrainedMatrix(
            training.biasStartsAtZero ? Array(repeating: 0, count: f) : linear(2, f, inputs: h), outputs: f,
            inputs: 1)
        rows = BatchRows(range: 0..<training.batchSize, features: f)
        tile = Tile(capacity: 512, features: f, outputs: f, modules: 0, subcomponents: 0)
        blocks = (0..<chain.count + 2).map { [tile] _ in Storage(count: max(f, h) * tile.capacity) }
    }

    var target: TMSTarget {
        TMSTarget(
            linear1: chain[0].tensor, hiddenLayers: chain[1..<chain.count - 1].map(\.tensor),
            linear2: chain[chain.count - 1].tensor, bias: bias.vector, tiedWeights: training.shape.tiedWeights
        )
    }

    /// One optimiser step; returns its loss.
    func step(streams: SparseFeatures.Streams, rate: Double, updates: Int) -> Double {
        for matrix in chain + [bias] { matrix.gradient.clear() }
        // Empty rows all give relu(bias): one stands for all.
        rows.draw(training.data, streams: streams, joiningEmptyRows: true)
        var loss = 0.0
        var next = 0
        while next < rows.kept {
            next += tile.load(rows, from: next)
            loss += passTile()
        }
        let adam = ck_adam(rate: rate, decay: 0.01, updates: updates)
        for (index, matrix) in chain.enumerated() where matrix.isTrained {
            matrix.update(adam)
            guard training.shape.tiedWeights else { continue }
            // One storage, two parameters: the second is stepped from where the first left it.
            let last = chain[chain.count - 1]
            if index == 0 {
                ck_transpose(
                    last.weight.pointer, matrix.weight.pointer, last.inputs, last.outputs, last.inputs)
            }
            if index == chain.count - 1 {
                ck_transpose(
                    chain[0].weight.pointer, matrix.weight.pointer, last.outputs, last.inputs, last.outputs)
            }
        }
        bias.update(adam)
        return loss / Double(training.batchSize * training.shape.features)
    }

    private func passTile() -> Double {
        let (count, f) = (tile.rows, training.shape.features)
        for (index, matrix) in chain.enumerated() {
            product(
                into: blocks[index].pointer, matrix.weight.pointer, input(of: index),
                m: matrix.outputs, n: count, k: matrix.inputs)
        }
        let before = blocks[chain.count - 1].pointer
        ck_add_bias(before, bias.weight.pointer, f, count)
        ck_relu(tile.output, before, f * count)
        ck_absolute(tile.target, tile.x, f * count)
        let elements = Float(training.batchSize * f)
        let loss = ck_mse(tile.dOutput, tile.output, tile.target, tile.weight, 1 / elements, f, count)
        var (gradient, other) = (blocks[chain.count].pointer, blocks[chain.count + 1].pointer)
        ck_relu_backward(gradient, tile.dOutput, before, f * count)
        ck_sum_rows(bias.gradient.pointer, gradient, f, count)
        for (index, matrix) in chain.enumerated().reversed() {
            if matrix.isTrained {
                product(
                    into: matrix.gradient.pointer, gradient, input(of: index),
                    m: matrix.outputs, n: matrix.inputs, k: count, .none, .transposed, keep: 1)
            }
            if index > 0 {
                product(
                    into: other, matrix.weight.pointer, gradient,
                    m: matrix.inputs, n: count, k: matrix.outputs, .transposed)
                swap(&gradient, &other)
            }
        }
        return loss
    }

    private func input(of index: Int) -> Floats {
        index == 0 ? tile.x : blocks[index - 1].pointer
    }
}
