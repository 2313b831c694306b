/// Why a target cannot be decomposed or a step cannot be taken.
public enum KernelError: Error, Equatable {
    /// The machine refuses that many threads.
    case cannotStartThreads(Int)
    /// The system grants no more memory.
    case outOfMemory
    /// A pattern of `target_module_patterns` selects no module; the modules there are.
    case patternMatchesNothing(pattern: String, modules: [String])
    /// A pattern of `target_module_patterns` selects a module that is neither a Linear nor an Embedding.
    case notDecomposable(pattern: String, module: String, kind: String)
    /// A state dict lacks a tensor.
    case missingTensor(name: String)
    /// A state dict has a tensor that the model has no place for.
    case unexpectedTensor(name: String)
    /// A tensor's shape disagrees with the config.
    case wrongShape(tensor: String, found: [Int], expected: [Int])
    /// A tensor holds NaN or infinity.
    case notFinite(tensor: String)
    /// A loss stopped being finite.
    case lossNotFinite(step: Int, loss: String, value: Double)
    /// Settings that cannot be computed.
    case invalidSettings(String)
}

extension KernelError: CustomStringConvertible {
    /// One readable line.
    public var description: String {
        switch self {
        case .cannotStartThreads(let count):
            "the system refuses to start \(count) threads; ask for fewer with --threads"
        case .outOfMemory: "the system grants no more memory"
        case .patternMatchesNothing(let pattern, let modules):
            "target_module_patterns: '\(pattern)' matches no module; the target has \(modules.joined(separator: ", "))"
        case .notDecomposable(let pattern, let module, let kind):
            "target_module_patterns: '\(pattern)' matches '\(module)', \(kind); only Linear and Embedding modules can be decomposed"
        case .missingTensor(let name): "the target's weights lack '\(name)'"
        case .unexpectedTensor(let name):
            "the target's weights hold '\(name)', which its config has no place for"
        case .wrongShape(let tensor, let found, let expected):
            "'\(tensor)' has shape \(found), but the config makes it \(expected)"
        case .notFinite(let tensor): "'\(tensor)' holds NaN or infinity"
        // Whether NaN has a sign differs between CPUs, and says nothing.
        case .lossNotFinite(let step, let loss, let value):
            "\(loss) became \(value.isNaN ? "nan" : "\(value)") at step \(step)"
        case .invalidSettings(let reason): reason
        }
    }
}
