import Glibc

/// A transformer's shape with its weights: a language model that can be run and decomposed.
public struct Transformer: Equatable, Sendable {
    /// What is computed.
    public let shape: TransformerShape
    /// The weights by their names in the hub's files; a tied head is absent.
    public let weights: StateDict

    /// Joins a shape with weights, leaving out those that have no place in it.
    ///
    /// - Throws: `missingTensor`, `wrongShape`, `notFinite`.
    public init(shape: TransformerShape, weights: StateDict) throws(KernelError) {
        var kept: StateDict = [:]
        for weight in shape.weights { kept[weight.name] = try weights.tensor(weight.name, weight.shape) }
        self.shape = shape
        self.weights = kept
    }

    /// The state dict as the published tool writes it: with the head twice if it is tied.
    public var stateDict: StateDict {
        var result = weights
        if shape.isHeadTied { result[shape.head + ".weight"] = weights[shape.embedding + ".weight"] }
        return result
    }
}

/// A module of a transformer that can be decomposed, and where it is in a forward pass.
struct LanguageModule: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        /// The token embedding: V [vocabulary, C].
        case tokens
        /// The position embedding: V [positions, C].
        case positions
        case linear
        case head

        var isEmbedding: Bool { self == .tokens || self == .positions }
    }

    let name: String
    let kind: Kind
    let inputs: Int
    let outputs: Int
    let hasBias: Bool
    let stage: Stage
}

/// The steps of a forward pass, in their order; a run with replaced modules begins at the first that holds one.
enum Stage: Comparable, Sendable {
    case embedding
    /// Norm and projections of a layer's attention.
    case projections(Int)
    /// The attention itself and its output map.
    case attention(Int)
    /// Norm and first maps of a layer's MLP.
    case hidden(Int)
    /// The nonlinearity and the last map.
    case mlpOutput(Int)
    case head

    private var order: Int {
        switch self {
        case .embedding: -1
        case .projections(let layer): 4 * layer
        case .attention(let layer): 4 * layer + 1
        case .hidden(let layer): 4 * layer + 2
        case .mlpOutput(let layer): 4 * layer + 3
        case .head: .max
        }
    }

    static func < (a: Stage, b: Stage) -> Bool { a.order < b.order }
}

extension TransformerShape {
    /// The layers' linear maps by the steps of a forward pass that they belong to.
    var linearsByStage: [(stage: Stage, linears: [Linear])] {
        layers.enumerated().flatMap { index, layer -> [(stage: Stage, linears: [Linear])] in
            [
                (.projections(index), layer.attention.projections.linears),
                (.attention(index), [layer.attention.output]),
                (.hidden(index), layer.mlp.linears.dropLast()),
                (.mlpOutput(index), layer.mlp.linears.suffix(1)),
            ]
        }
    }

    /// Everything that can be decomposed, in the order of a forward pass.
    var modules: [LanguageModule] {
        var result = [
            LanguageModule(
                name: embedding, kind: .tokens, inputs: vocabulary, outputs: width, hasBias: false, stage: .embedding)
        ]
        if let positions {
            result.append(
                LanguageModule(
                    name: positions.name, kind: .positions, inputs: positions.count, outputs: width, hasBias: false,
                    stage: .embedding))
        }
        func add(_ linears: [Linear], _ stage: Stage) {
            for linear in linears where !linear.isConv1D {
                result.append(
                    LanguageModule(
                        name: linear.name, kind: .linear, inputs: linear.inputs, outputs: linear.outputs,
                        hasBias: linear.hasBias, stage: stage))
            }
        }
        for (stage, linears) in linearsByStage { add(linears, stage) }
        result.append(
            LanguageModule(
                name: head, kind: .head, inputs: width, outputs: vocabulary, hasBias: false, stage: .head))
        return result
    }

    /// Refuses patterns that select nothing, what cannot be decomposed, or what a loss cannot be computed for.
    ///
    /// - Parameters:
    ///   - patterns: What to decompose.
    ///   - reconstructsEmbedding: Whether an embedding's reconstruction is one of the losses.
    /// - Throws: `patternMatchesNothing`; `notDecomposable` for a pattern that selects a module of another kind;
    ///   `invalidSettings` for a loss that asks for other modules.
    public func checkModules(matching patterns: [String], reconstructsEmbedding: Bool) throws(KernelError) {
        _ = try modules(matching: patterns, reconstructsEmbedding: reconstructsEmbedding)
    }

    func modules(matching patterns: [String], reconstructsEmbedding: Bool) throws(KernelError) -> [LanguageModule] {
        let modules = try modules(matching: patterns)
        guard !reconstructsEmbedding || modules.count == 1 && modules[0].kind.isEmbedding else {
            throw .invalidSettings(
                "embedding_recon_coeff: exactly one module may be decomposed for it, an Embedding; "
                    + "target_module_patterns selects \(modules.map(\.name).joined(separator: ", "))")
        }
        return modules
    }

    /// The modules that `patterns` select, in the model's order.
    ///
    /// - Throws: `patternMatchesNothing`, `notDecomposable` for a pattern that selects a module of another kind.
    func modules(matching patterns: [String]) throws(KernelError) -> [LanguageModule] {
        let modules = modules
        let others = otherModules
        for pattern in patterns {
            func matches(_ name: String) -> Bool { fnmatch(pattern, name, FNM_NOESCAPE) == 0 }
            if let other = others.first(where: { matches($0.name) }) {
                throw .notDecomposable(pattern: pattern, module: other.name, kind: other.kind)
            }
            guard modules.contains(where: { names(of: $0).contains(where: matches) }) else {
                throw .patternMatchesNothing(pattern: pattern, modules: modules.map(\.name))
            }
        }
        return modules.filter { module in
            let names = names(of: module)
            return patterns.contains { pattern in names.contains { fnmatch(pattern, $0, FNM_NOESCAPE) == 0 } }
        }
    }

    /// What patterns may call a module: versions of the library disagree about some heads.
    private func names(of module: LanguageModule) -> [String] {
        module.kind == .head ? ModelArchitecture(rawValue: architecture)?.headNames ?? [head] : [module.name]
    }

    /// The modules that hold weights but cannot be decomposed, by their kinds.
    ///
    /// Those without weights of their own or below them, such as activations, are none: patterns pass them over.
    private var otherModules: [(name: String, kind: String)] {
        var result: [(name: String, kind: String)] = []
        var blocks: Set<String> = []
        func addBlocks(above name: String) {
            var parts = name.split(separator: ".").dropLast()
            while !parts.isEmpty {
                if blocks.insert(parts.joined(separator: ".")).inserted {
                    result.append((parts.joined(separator: "."), "a block of other modules"))
                }
                parts = parts.dropLast()
            }
        }
        func add(_ norm: Norm) {
            result.append((norm.name, norm.kind == .rms ? "an RMSNorm" : "a LayerNorm"))
            addBlocks(above: norm.name)
        }
        for layer in layers {
            add(layer.attentionNorm)
            for linear in layer.linears {
                if linear.isConv1D { result.append((linear.name, "a Conv1D")) }
                addBlocks(above: linear.name)
            }
            add(layer.mlpNorm)
        }
        add(finalNorm)
        return result
    }
}
