/// The parts of a decomposition to look at.
public struct ObservedParts: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: Int

    /// Makes a set of its bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The next step's batch.
    public static let batch = ObservedParts(rawValue: 1)
    /// The target's output on it.
    public static let targetOutput = ObservedParts(rawValue: 2)
    /// The output with all subcomponents fully on.
    public static let unmaskedOutput = ObservedParts(rawValue: 4)
    /// The output with causal importances as masks.
    public static let maskedOutput = ObservedParts(rawValue: 8)
    /// Causal importances, as masks and as importance losses see them.
    public static let importances = ObservedParts(rawValue: 16)
    /// V and U.
    public static let vectors = ObservedParts(rawValue: 32)
    /// The target's weights.
    public static let weights = ObservedParts(rawValue: 64)

    /// The three outputs.
    public static let outputs: ObservedParts = [.targetOutput, .unmaskedOutput, .maskedOutput]
}

/// A decomposition's tensors before a step, on that step's batch.
public struct Observation: Sendable, Equatable {
    /// The batch: (rows, features), or tokens (rows, length).
    public var batch: Tensor?
    /// The target's output (rows, outputs).
    public var targetOutput: Tensor?
    /// The output with all subcomponents fully on (rows, outputs).
    public var unmaskedOutput: Tensor?
    /// The output with causal importances as masks (rows, outputs).
    public var maskedOutput: Tensor?
    /// Causal importances as masks see them, by module (…, C).
    public var ci: [String: Tensor] = [:]
    /// Causal importances as importance losses see them, by module (…, C).
    public var ciUpper: [String: Tensor] = [:]
    /// V (d_in, C) by module.
    public var v: [String: Tensor] = [:]
    /// U (C, d_out) by module.
    public var u: [String: Tensor] = [:]
    /// The target's weight by module: (d_out, d_in), of an embedding (vocabulary, d).
    public var w: [String: Tensor] = [:]

    /// Nothing yet.
    public init() {}
}

extension Observation {
    /// Takes down what depends on no batch.
    mutating func takeDown(_ parts: ObservedParts, of subcomponents: Subcomponents) {
        for (place, weight) in zip(subcomponents.layout.modules, subcomponents.weights) {
            let (c, name) = (subcomponents.layout.subcomponents, weight.name)
            if parts.contains(.vectors) {
                let parameters = subcomponents.parameters
                v[name] = Tensor(shape: [place.inputs, c], values: parameters.values(place.v, place.inputs * c))
                u[name] = Tensor(shape: [c, place.outputs], values: parameters.values(place.u, c * place.outputs))
            }
            if parts.contains(.weights) { w[name] = weight.tensor }
        }
    }
}

/// The shapes of the tensors that can be looked at.
public struct ObservableShapes: Sendable, Equatable {
    /// A decomposed module's.
    public struct Module: Sendable, Equatable {
        /// Its name.
        public let name: String
        /// The extents of its causal importances before C.
        public let rows: [Int]
        /// d_in, of an embedding how many entries it has.
        public let inputs: Int
        /// How many numbers come out.
        public let outputs: Int
        /// Whether its weight has a row for each input.
        public let isEmbedding: Bool
    }

    /// The decomposed modules, in the order of a forward pass.
    public let modules: [Module]
    /// The batch's.
    public let batch: [Int]
    /// An output's; nil if outputs are never stored whole.
    public let output: [Int]?
    /// C.
    public let subcomponents: Int
}

extension TransformerShape {
    /// The shapes of the tensors that can be looked at in a decomposition of such a model.
    ///
    /// - Throws: modules that cannot be decomposed.
    public func observableShapes(
        _ settings: DecompositionSettings, length: Int
    ) throws(KernelError) -> ObservableShapes {
        let modules = try modules(matching: settings.modulePatterns).map { module in
            ObservableShapes.Module(
                name: module.name, rows: [module.kind == .positions ? 1 : settings.batchSize, length],
                inputs: module.inputs, outputs: module.outputs, isEmbedding: module.kind.isEmbedding)
        }
        return ObservableShapes(
            modules: modules, batch: [settings.batchSize, length], output: nil, subcomponents: settings.subcomponents)
    }
}
