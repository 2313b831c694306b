import Glibc
public import Kernels

/// What a residual MLP adds to its input when one feature is active: output − input.
public struct FeatureResponses: Sendable {
    private let model: ResidualMLPTarget

    /// Looks at a model.
    public init(_ model: ResidualMLPTarget) { self.model = model }

    /// Looks at a decomposition's sum of subcomponents in the place of the target's weights.
    ///
    /// - Parameters:
    ///   - model: The target, whose biases and other weights stay.
    ///   - tensors: The decomposition's trained tensors.
    public init(_ model: ResidualMLPTarget, sumOf tensors: StateDict) {
        var model = model
        for index in model.layers.indices {
            if let input = RankOneMatrices(of: "layers.\(index).mlp_in", in: tensors) {
                model.layers[index].input = input.sum.transposed
            }
            if let output = RankOneMatrices(of: "layers.\(index).mlp_out", in: tensors) {
                model.layers[index].output = output.sum.transposed
            }
        }
        self.model = model
    }

    /// The responses to inputs (rows, F).
    public func responses(_ inputs: Tensor) -> Tensor {
        var stream = inputs.times(model.embedding)
        for layer in model.layers {
            var hidden = stream.times(layer.input.transposed)
            add(layer.inputBias, to: &hidden)
            for place in hidden.values.indices { hidden.values[place] = model.activation(hidden.values[place]) }
            var written = hidden.times(layer.output.transposed)
            add(layer.outputBias, to: &written)
            for place in stream.values.indices { stream.values[place] += written.values[place] }
        }
        var outputs = stream.times(model.unembedding)
        for place in outputs.values.indices { outputs.values[place] -= inputs.values[place] }
        return outputs
    }

    private func add(_ bias: Tensor?, to rows: inout Tensor) {
        guard let bias else { return }
        for place in rows.values.indices { rows.values[place] += bias.values[place % bias.values.count] }
    }

    /// The response (F, F) to one active feature a row: `amplitudes[i]` in feature i.
    public func single(_ amplitudes: [Float]) -> Tensor {
        var inputs = Tensor(zeros: [amplitudes.count, model.features])
        for (feature, amplitude) in amplitudes.enumerated() {
            inputs.values[feature * model.features + feature] = amplitude
        }
        return responses(inputs)
    }

    /// Each feature's own response (F, amplitudes) to several amplitudes.
    public func curves(_ amplitudes: [Float]) -> Tensor {
        let f = model.features
        let values = (0..<f).flatMap { feature in
            var inputs = Tensor(zeros: [amplitudes.count, f])
            for (row, amplitude) in amplitudes.enumerated() { inputs.values[row * f + feature] = amplitude }
            let responses = responses(inputs)
            return amplitudes.indices.map { responses.values[$0 * f + feature] }
        }
        return Tensor(shape: [f, amplitudes.count], values: values)
    }

    /// `count` numbers from −1 to 1.
    public static func sweep(_ count: Int) -> [Float] {
        (0..<count).map { count == 1 ? -1 : Float(-1 + 2 * Double($0) / Double(count - 1)) }
    }

    /// The amplitudes that curves are stored at: every ninth of a thousand from −1 to 1.
    public static var curveAmplitudes: [Float] { stride(from: 0, to: 1000, by: 9).map { sweep(1000)[$0] } }
}

extension Activation {
    /// The nonlinearity of a number; GELU in its exact form.
    public func callAsFunction(_ x: Float) -> Float {
        switch self {
        case .relu: max(x, 0)
        case .gelu: Float(0.5 * Double(x) * (1 + erf(Double(x) / 2.0.squareRoot())))
        }
    }
}
