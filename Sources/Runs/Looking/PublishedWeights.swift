import Artifacts
import Experiments
import Kernels
import Targets

/// A published state dict: a target and its subcomponents, out of `model_<step>.safetensors` or a `.pth` file.
public struct PublishedWeights {
    /// The file.
    public let path: String
    /// The target's weights by their published names.
    let target: StateDict
    /// The decomposed modules, by name.
    public let modules: [String]
    /// V, U and gates by their names in a replay: `components.<module>.V`, with dots in the module's name.
    let tensors: StateDict

    /// Reads a file.
    ///
    /// - Throws: `RunError.invalid` for what is no state dict of a decomposition.
    public init(path: String) throws(RunError) {
        let arrays: [String: SafeTensors.Array]
        do { arrays = try WeightsFile.read(path).arrays } catch { throw RunError(error) }
        let all = arrays.mapValues { Tensor(shape: $0.shape, values: $0.floats) }
        var target: StateDict = [:]
        for (name, tensor) in all where name.hasPrefix("model.") { target[String(name.dropFirst(6))] = tensor }
        // Dots in modules' names are written as dashes; the target's own names say which dashes were dots.
        let dashed = Dictionary(
            target.keys.filter { $0.hasSuffix(".weight") }.map { String($0.dropLast(7)) }
                .map { ($0.replacing(".", with: "-"), $0) }, uniquingKeysWith: { first, _ in first })
        var tensors: StateDict = [:]
        var modules: Set<String> = []
        for (name, tensor) in all {
            let parts = name.split(separator: ".").map(String.init)
            guard parts.count == 3, ["components", "gates"].contains(parts[0]),
                parts[2] != "bias" || parts[0] == "gates"
            else { continue }
            let module = dashed[parts[1]] ?? parts[1].replacing("-", with: ".")
            tensors["\(parts[0]).\(module).\(parts[2])"] = tensor
            if parts[2] == "V" { modules.insert(module) }
        }
        guard !modules.isEmpty else {
            throw .invalid(
                "\(path) holds no decomposition: expected tensors named components.<module>.V and .U, as a run's "
                    + "model_<step>.safetensors has them")
        }
        for module in modules {
            guard let v = tensors["components.\(module).V"], let u = tensors["components.\(module).U"],
                v.shape.count == 2, u.shape.count == 2, v.shape[1] == u.shape[0]
            else { throw .invalid("\(path): V (inputs, C) and U (C, outputs) of \(module) are missing or do not fit") }
        }
        (self.path, self.target, self.tensors) = (path, target, tensors)
        self.modules = modules.sorted()
    }

    /// Refuses subcomponents that are not finite, as a run that diverged leaves them: nothing can be said about them.
    ///
    /// - Throws: `RunError.invalid` with the first tensor.
    func requireFinite() throws(RunError) {
        for name in tensors.keys.sorted() where tensors[name]?.values.allSatisfy(\.isFinite) == false {
            throw .invalid("\(path): '\(name)' holds NaN or infinity")
        }
    }

    /// The target, according to its training config if its inputs are features, or to its weights.
    ///
    /// - Returns: nil for a kind of target that nobody knows.
    /// - Throws: `RunError.invalid` for one whose tensors do not fit together.
    func analysed(_ training: TargetConfig?) throws(RunError) -> (any AnalysedTarget)? {
        // A training of that name may be of another shape; what is wrong with these weights is reported below.
        if let training, let kind = try? RunKinds.of(training.kind), let known = try? kind.analysed(target, training) {
            return known
        }
        do { return try RunKinds.recognise(target) } catch { throw .invalid("\(path): \(error)") }
    }
}
