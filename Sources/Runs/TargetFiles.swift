import Artifacts
public import Experiments
import Foundation
public import Kernels

/// A target with the config that describes it, as read from or written to a folder.
///
/// The names are the published tool's: `tms_train_config.yaml` beside `tms.safetensors`; `resid_mlp_train_config.yaml`,
/// `resid_mlp.safetensors` and `label_coeffs.json`.
public struct TargetFiles: Sendable {
    /// The weights.
    public let model: TargetModel
    /// How they were trained.
    public let config: TargetConfig
    /// A digest of the weights' file.
    public let hash: String

    /// What a training did, kept as `metadata.json`.
    struct Metadata: Codable {
        /// The seed whose target was kept.
        let seed: Int
        /// Seeds tried before, with the features that each failed to represent.
        let rejected: [Rejected]
        /// The loss at the end.
        let loss: Double

        struct Rejected: Codable {
            let seed: Int
            let unrepresented: [Int]
        }
    }

    private static func stem(_ config: TargetConfig) -> String {
        switch config {
        case .tms: "tms"
        case .residualMLP: "resid_mlp"
        }
    }

    /// Writes a trained target into a folder that exists.
    ///
    /// - Throws: `FileError`.
    static func write(
        _ model: TargetModel, config: TargetConfig, labelCoefficients: [Float]?, metadata: Metadata,
        to folder: String
    ) throws {
        let stem = stem(config)
        let arrays = model.stateDict.mapValues { SafeTensors.Array(shape: $0.shape, $0.values) }
        try SafeTensors(arrays: arrays, metadata: ["format": "pt"]).write(to: "\(folder)/\(stem).safetensors")
        try DurableFile.write(config.yaml(), to: "\(folder)/\(stem)_train_config.yaml")
        if let labelCoefficients {
            let numbers = labelCoefficients.map { "\($0)" }.joined(separator: ", ")
            try DurableFile.write("[\(numbers)]\n", to: folder + "/label_coeffs.json")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try DurableFile.write(Array(encoder.encode(metadata)), to: folder + "/metadata.json")
    }

    /// Reads the target that a training left in `folder`.
    ///
    /// - Throws: `RunError.invalid` with what is missing or wrong.
    init(folder: String, config: TargetConfig) throws(RunError) {
        try self.init(weights: "\(folder)/\(Self.stem(config)).safetensors", config: config)
    }

    /// Reads weights and the train config beside them.
    ///
    /// - Throws: `RunError.invalid` with what is missing or wrong.
    public init(weights path: String) throws(RunError) {
        let folder = (path as NSString).deletingLastPathComponent
        let candidates = ["tms_train_config.yaml", "resid_mlp_train_config.yaml"].map {
            (folder as NSString).appendingPathComponent($0)
        }
        guard let found = candidates.first(where: FileManager.default.fileExists(atPath:)) else {
            throw .invalid(
                "\(path) needs its training config beside it: there is neither tms_train_config.yaml nor "
                    + "resid_mlp_train_config.yaml in \(folder.isEmpty ? "." : folder)")
        }
        let config: TargetConfig
        do {
            config = try TargetConfig.load(path: found)
        } catch {
            throw .invalid("\(error)")
        }
        try self.init(weights: path, config: config)
    }

    private init(weights path: String, config: TargetConfig) throws(RunError) {
        let file: SafeTensors
        do {
            file = try SafeTensors(contentsOf: path)
        } catch {
            throw .invalid("\(error)")
        }
        let stateDict = file.arrays.mapValues { Tensor(shape: $0.shape, values: $0.floats) }
        do {
            model = try TargetModel(stateDict: stateDict, config: config)
        } catch {
            throw .invalid("\(path): \(error)")
        }
        self.config = config
        hash = SHA256.hex(file.encoded())
    }
}

extension TargetModel {
    /// Takes the weights of a target out of a state dict, as its config shapes it.
    ///
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    init(stateDict: StateDict, config: TargetConfig) throws(KernelError) {
        switch config {
        case .tms(let training):
            self = .tms(try TMSTarget(stateDict: stateDict, shape: TMSShape(training.model)))
        case .residualMLP(let training):
            self = .residualMLP(
                try ResidualMLPTarget(stateDict: stateDict, shape: ResidualMLPShape(training.model)))
        }
    }
}
