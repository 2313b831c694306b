import Glibc

/// A weight matrix of a target that can be decomposed.
public struct TargetModule: Equatable, Sendable {
    /// The module's path in the PyTorch model, as `layers.0.mlp_in`.
    public let name: String
    /// W (outputs, inputs).
    public let weight: Tensor

    /// The columns of W.
    public var inputs: Int { weight.shape[1] }
    /// The rows of W.
    public var outputs: Int { weight.shape[0] }
}

/// What a module does with a stream that features are embedded in.
public struct StreamEnd: Equatable, Sendable {
    /// Which of its two ends is at the stream.
    public enum Side: Sendable {
        case reads
        case writes
    }

    /// Which of its two ends is at the stream.
    public let side: Side
    /// W_E (features, d).
    public let embedding: Tensor
}

/// What a kind of toy model is to the decomposition of one: everything that depends on the kind.
protocol FeatureTarget: Sendable {
    /// The modules that have a weight matrix, in the order of a forward pass.
    var modules: [TargetModule] { get }
    /// f, the entries of an input row.
    var features: Int { get }
    /// The weights by their published names.
    var stateDict: StateDict { get }
    /// Pairs of modules whose subcomponents share their storage, the second's being the first's transposed.
    var tiedModules: [(String, String)] { get }

    /// The passes through the target with some modules replaced.
    ///
    /// - Parameters:
    ///   - decomposed: The decomposed modules, by their places in `modules`.
    ///   - outputLoss: How outputs are compared.
    ///   - layout: Where the parameters stand.
    /// - Returns: The network.
    func network(decomposed: [Int], outputLoss: OutputLoss, layout: ParameterLayout) -> any Network
    /// The products that a step of a decomposition of all modules takes.
    func products(_ settings: DecompositionSettings) -> StepProducts
    /// Which end of a module is at a stream that features are embedded in; nil if neither is.
    func stream(of module: String) -> StreamEnd?
    /// Numbers that say how good a decomposition of this target is.
    func scores(of decomposition: FeatureDecomposition) throws(KernelError) -> [NamedNumber]
}

extension FeatureTarget {
    var tiedModules: [(String, String)] { [] }

    func stream(of module: String) -> StreamEnd? { nil }
}

/// A trained network whose weight matrices are decomposed.
public enum TargetModel: Equatable, Sendable {
    case tms(TMSTarget)
    case residualMLP(ResidualMLPTarget)

    /// The target behind its kind: the only place that distinguishes kinds.
    var target: any FeatureTarget {
        switch self {
        case .tms(let target): target
        case .residualMLP(let target): target
        }
    }

    /// The modules that have a weight matrix, in the order of a forward pass.
    public var modules: [TargetModule] { target.modules }
    /// f, the entries of an input row.
    public var features: Int { target.features }
    /// The weights by their published names.
    public var stateDict: StateDict { target.stateDict }

    /// The indices of the modules that `patterns` select, in the model's order.
    ///
    /// - Throws: `patternMatchesNothing` for a pattern without a module.
    func modules(matching patterns: [String]) throws(KernelError) -> [Int] {
        let names = modules.map(\.name)
        for pattern in patterns where !names.contains(where: { fnmatch(pattern, $0, FNM_NOESCAPE) == 0 }) {
            throw .patternMatchesNothing(pattern: pattern, modules: names)
        }
        return names.indices.filter { index in
            patterns.contains { fnmatch($0, names[index], FNM_NOESCAPE) == 0 }
        }
    }
}

extension StateDict {
    /// The tensor of that name, if its shape is right and its values are finite.
    func tensor(_ name: String, _ shape: [Int]) throws(KernelError) -> Tensor {
        guard let tensor = self[name] else { throw .missingTensor(name: name) }
        guard tensor.shape == shape else {
            throw .wrongShape(tensor: name, found: tensor.shape, expected: shape)
        }
        guard tensor.values.allSatisfy(\.isFinite) else { throw .notFinite(tensor: name) }
        return tensor
    }

    /// Refuses tensors that are none of `names`.
    func expectOnly(_ names: [String]) throws(KernelError) {
        let known = Set(names)
        if let stranger = keys.filter({ !known.contains($0) }).min() {
            throw .unexpectedTensor(name: stranger)
        }
    }
}
