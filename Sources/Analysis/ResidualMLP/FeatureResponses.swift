import Glibc
public import Kernels

/// What a residual MLP adds to its input when one feature is active: output − input.
public struct FeatureResponses {
    /// The subcomponents of a module, each weighed by its causal importance.
    public typealias Importances = (_ inputs: Tensor) throws -> [String: Tensor]

    private let model: ResidualMLPTarget
    private var masked: (tensors: StateDict, importances: Importances)?

    /// Looks at a model.
    public init(_ model: ResidualMLPTarget) { self.model = model }

    /// Looks at a decomposition's sum of subcomponents in place of the target's weights.
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

    /// Looks at a decomposition whose subcomponents are masked by their causal importances.
    ///
    /// - Parameters:
    ///   - model: The target, whose biases and other weights stay.
    ///   - importances: The causal importances of inputs (rows, C), by module.
    ///   - tensors: The decomposition's trained tensors.
    public init(_ model: ResidualMLPTarget, maskedBy importances: @escaping Importances, _ tensors: StateDict) {
        self.init(model)
        masked = (tensors, importances)
    }

    /// What a module makes of rows, through its masked subcomponents where it has some.
    private func pass(
        _ rows: Tensor, _ module: String, _ weight: Tensor, _ importances: [String: Tensor]?
    ) -> Tensor {
        guard let masked, let ci = importances?[module],
            let matrices = RankOneMatrices(of: module, in: masked.tensors)
        else { return rows.times(weight.transposed) }
        var inner = rows.times(matrices.v)
        for place in inner.values.indices { inner.values[place] *= ci.values[place] }
        return inner.times(matrices.u)
    }

    /// The responses to inputs (rows, F).
    ///
    /// - Throws: What computing causal importances throws; nothing where none are needed.
    public func responses(_ inputs: Tensor) throws -> Tensor {
        let importances = try masked?.importances(inputs)
        var stream = inputs.times(model.embedding)
        for (index, layer) in model.layers.enumerated() {
            var hidden = pass(stream, "layers.\(index).mlp_in", layer.input, importances)
            add(layer.inputBias, to: &hidden)
            for place in hidden.values.indices { hidden.values[place] = model.activation(hidden.values[place]) }
            var written = pass(hidden, "layers.\(index).mlp_out", layer.output, importances)
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
    public func single(_ amplitudes: [Float]) throws -> Tensor {
        var inputs = Tensor(zeros: [amplitudes.count, model.features])
        for (feature, amplitude) in amplitudes.enumerated() {
            inputs.values[feature * model.features + feature] = amplitude
        }
        return try responses(inputs)
    }

    /// Each feature's own response (F, amplitudes) to several amplitudes.
    public func curves(_ amplitudes: [Float]) throws -> Tensor {
        let f = model.features
        let values = try (0..<f).flatMap { feature in
            var inputs = Tensor(zeros: [amplitudes.count, f])
            for (row, amplitude) in amplitudes.enumerated() { inputs.values[row * f + feature] = amplitude }
            let responses = try responses(inputs)
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
