public import Artifacts
public import Experiments
import Foundation

/// A target's weights with the config that describes them, read from a folder and found to fit each other.
///
/// The names are the published tool's: `tms_train_config.yaml` next to `tms.pth`; `resid_mlp_train_config.yaml`,
/// `resid_mlp.pth` and `label_coeffs.json`. Our own trainings leave `.safetensors` instead of `.pth`.
public struct TargetFiles: Sendable {
    /// The weights by their published names.
    public let weights: [String: SafeTensors.Array]
    /// How they were trained.
    public let config: TargetConfig
    /// A digest of the weights.
    public let hash: String
    /// What it was read from: the weights, the config, the labels' coefficients; by their published names.
    public let files: [(name: String, path: String)]

    /// Reads and checks the target at `path`: the folder that a training left, or the weights in it.
    ///
    /// - Throws: What is missing or wrong.
    public init(path: String) throws(TargetError) {
        let folder = try TargetFolder(path)
        let config = try folder.config()
        let weightsPath = folder.isNamedByWeights ? path : folder.path(of: folder.weights)
        let file = try WeightsFile.read(weightsPath)
        do throws(TargetError) { try Self.check(file.arrays, config) } catch {
            throw TargetError("\(weightsPath): \(error)")
        }
        let kind = config.kind
        let coefficients = folder.path(of: TargetFileNames.labelCoefficients)
        let hasCoefficients = FileManager.default.fileExists(atPath: coefficients)
        if hasCoefficients, let features = config.training.featureCount {
            try Self.checkLabelCoefficients(coefficients, features: features)
        }
        weights = file.arrays
        self.config = config
        hash = SHA256.hex(file.encoded())
        files =
            [
                ("\(kind.weightsStem).\((weightsPath as NSString).pathExtension)", weightsPath),
                (kind.trainingConfigName, folder.path(of: folder.configName)),
            ] + (hasCoefficients ? [(TargetFileNames.labelCoefficients, coefficients)] : [])
    }

    /// Checks that weights are those that a config describes.
    static func check(_ arrays: [String: SafeTensors.Array], _ config: TargetConfig) throws(TargetError) {
        let tensors = config.training.tensors
        if let wrapper = Wrapper(names: Array(arrays.keys), expected: Set(tensors.map(\.name))) {
            throw TargetError(wrapper.description)
        }
        for tensor in tensors {
            guard let array = arrays[tensor.name] else {
                throw TargetError("the target's weights lack '\(tensor.name)'")
            }
            guard array.shape == tensor.shape else {
                throw TargetError(
                    "'\(tensor.name)' has shape \(array.shape), but the config makes it \(tensor.shape)")
            }
            guard array.floats.allSatisfy(\.isFinite) else {
                throw TargetError("'\(tensor.name)' holds NaN or infinity")
            }
        }
        let known = Set(tensors.map(\.name))
        if let stranger = arrays.keys.filter({ !known.contains($0) }).min() {
            throw TargetError("the target's weights hold '\(stranger)', which its config has no place for")
        }
        for (first, second) in config.training.tiedTensors {
            guard let a = arrays[first], let b = arrays[second], !areTransposed(a, b) else { continue }
            throw TargetError("tied_weights is true, but \(second) is not \(first) transposed")
        }
    }

    private static func areTransposed(_ a: SafeTensors.Array, _ b: SafeTensors.Array) -> Bool {
        let (x, y) = (a.floats, b.floats)
        let (rows, columns) = (a.shape[0], a.shape[1])
        return x.indices.allSatisfy { x[$0] == y[$0 % columns * rows + $0 / columns] }
    }

    /// Checks the coefficients of a residual MLP's labels, which decomposing it does not need, where they are kept.
    private static func checkLabelCoefficients(_ path: String, features: Int) throws(TargetError) {
        let numbers: [Float]
        do {
            numbers = try JSONDecoder().decode([Float].self, from: Data(DurableFile.read(path, limit: 64 << 20)))
        } catch let error as FileError {
            throw TargetError("\(error)")
        } catch {
            throw TargetError("\(path) is not a JSON list of finite numbers")
        }
        guard numbers.count == features else {
            throw TargetError("\(path) has \(numbers.count) numbers; the target has \(features) features")
        }
    }
}

/// A prefix that a wrapper around the model has given to all names.
private struct Wrapper: CustomStringConvertible {
    let prefix: String

    /// The wrapper whose prefix all names have that the model would have without it; nil if there is none.
    init?(names: [String], expected: Set<String>) {
        guard let first = names.first, !names.contains(where: expected.contains) else { return nil }
        let parts = first.split(separator: ".", omittingEmptySubsequences: false)
        let prefixes = (1..<max(1, parts.count)).map { parts[..<$0].joined(separator: ".") + "." }
        let fitting = prefixes.first { prefix in
            names.allSatisfy { $0.hasPrefix(prefix) }
                && names.contains { expected.contains(String($0.dropFirst(prefix.count))) }
        }
        guard let fitting else { return nil }
        prefix = fitting
    }

    var description: String {
        let origin =
            if prefix.contains("_orig_mod.") {
                ", as torch.compile leaves them; in Python, save model._orig_mod.state_dict()"
            } else if prefix.contains("module.") {
                ", as DataParallel leaves them; in Python, save model.module.state_dict()"
            } else {
                "; in Python, save the state dict of the model itself"
            }
        return "all names of its weights begin with '\(prefix)'\(origin)"
    }
}
