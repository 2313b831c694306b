@testable import Kernels

/// A target's training in double precision: AdamW on difference quotients of the loss.
struct ReferenceTraining {
    typealias Weights = [String: Matrix]

    /// The trained weights by their state dict names.
    var weights: Weights
    /// The loss of a batch.
    let loss: (Weights, Matrix) -> Double
    /// Names whose weights are each other's transposed: the second is stepped from where the first left it.
    var tied: (String, String)?
    private var adam = ReferenceAdamW(decay: 0.01)

    init(_ weights: Weights, tied: (String, String)? = nil, loss: @escaping (Weights, Matrix) -> Double) {
        (self.weights, self.tied, self.loss) = (weights, tied, loss)
    }

    /// Takes step `t` (from 1); returns the loss before it.
    mutating func step(_ batch: Matrix, rate: Double, t: Int) -> Double {
        let before = loss(weights, batch)
        let gradients = weights.mapValues(\.values.indices).map { name, places in
            (name, places.map { slope(name, $0, batch) })
        }
        for (name, gradient) in gradients.sorted(by: { $0.0 < $1.0 }) {
            let values = weights[name]?.values ?? []
            weights[name]?.values = adam.update(name, values, gradient: gradient, rate: rate, t: t)
            guard let tied, name == tied.0 || name == tied.1 else { continue }
            let (own, other) = name == tied.0 ? tied : (tied.1, tied.0)
            weights[other] = weights[own]?.transposed
        }
        return before
    }

    private func slope(_ name: String, _ place: Int, _ batch: Matrix) -> Double {
        let h = 1e-6
        func moved(_ distance: Double) -> Double {
            var moved = weights
            moved[name]?.values[place] += distance
            return loss(moved, batch)
        }
        return (moved(h) - moved(-h)) / (2 * h)
    }
}

extension SparseFeatures {
    /// The batch of a target's training step.
    func targetBatch(_ rows: Int, seed: Int, step: Int) -> Matrix {
        let (batch, scratch) = (Storage(count: rows * features), Storage(count: 2 * rows * features))
        fill(
            batch.pointer, firstRow: 0, count: rows, streams: .target(seed: seed, step: step),
            scratch: scratch.pointer)
        return Matrix(Tensor(shape: [rows, features], values: batch.values(0, batch.count)))
    }
}
