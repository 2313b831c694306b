internal import CKernels

/// A weight matrix of a target in training, with its AdamW moments.
struct TrainedMatrix {
    let weight: Storage
    let gradient: Storage
    let outputs: Int
    let inputs: Int
    let isTrained: Bool
    private let firstMoment: Storage
    private let secondMoment: Storage

    init(_ values: [Float], outputs: Int, inputs: Int, isTrained: Bool = true) {
        weight = Storage(values)
        gradient = Storage(count: values.count)
        firstMoment = Storage(count: isTrained ? values.count : 0)
        secondMoment = Storage(count: isTrained ? values.count : 0)
        (self.outputs, self.inputs, self.isTrained) = (outputs, inputs, isTrained)
    }

    /// The weights (outputs, inputs).
    var tensor: Tensor { Tensor(shape: [outputs, inputs], values: weight.values(0, weight.count)) }

    /// The weights as a vector.
    var vector: Tensor { Tensor(shape: [weight.count], values: weight.values(0, weight.count)) }

    /// One update of the weights by the gradient, if they are trained at all.
    func update(_ adam: ck_adam) {
        guard isTrained else { return }
        ck_adam_update(
            weight.pointer, firstMoment.pointer, secondMoment.pointer, gradient.pointer, weight.count, adam)
    }

    /// A torch Linear's initial numbers: uniform(-1/sqrt(inputs), 1/sqrt(inputs)).
    static func linear(seed: Int, _ index: Int, count: Int, inputs: Int) -> [Float] {
        let bound = 1 / Float(inputs).squareRoot()
        return RandomStream(seed: seed, .targetWeights, index).uniform(count).map { bound * (2 * $0 - 1) }
    }
}
