import Artifacts
public import Experiments
import Foundation
public import Kernels

/// A target with the config that describes it, as read from or written to a folder.
///
/// The names are the published tool's: `tms_train_config.yaml` beside `tms.pth`; `resid_mlp_train_config.yaml`,
/// `resid_mlp.pth` and `label_coeffs.json`. Our own trainings leave `.safetensors` instead of `.pth`.
public struct TargetFiles: Sendable {
    /// The weights.
    public let model: TargetModel
    /// How they were trained.
    public let config: TargetConfig
    /// A digest of the weights' file.
    public let hash: String
    /// What it was read from: the weights, the config, the labels' coefficients; by their published names.
    let files: [(name: String, path: String)]

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
            try DurableFile.write("[\(numbers)]\n", to: "\(folder)/\(TargetFileNames.labelCoefficients)")
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

    /// Reads the target at `path`: the folder that a training left, or the `.safetensors` or `.pth` weights in it.
    ///
    /// - Throws: `RunError.invalid` with what is missing or wrong.
    public init(path: String) throws(RunError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .invalid("pretrained_model_path: there is no \(path)")
        }
        if isFolder.boolValue {
            let config = try Self.config(in: path, of: path)
            try self.init(weights: try Self.weights(in: path, stem: Self.stem(config)), config: config)
        } else {
            let folder = (path as NSString).deletingLastPathComponent
            try self.init(weights: path, config: try Self.config(in: folder.isEmpty ? "." : folder, of: path))
        }
    }

    private init(weights path: String, config: TargetConfig) throws(RunError) {
        let folder = (path as NSString).deletingLastPathComponent
        let file = try Self.arrays(path)
        let stateDict = file.arrays.mapValues { Tensor(shape: $0.shape, values: $0.floats) }
        do {
            model = try TargetModel(stateDict: stateDict, config: config)
        } catch {
            throw .invalid("\(path): \(error)")
        }
        if case .residualMLP(let training) = config {
            try Self.checkLabelCoefficients(in: folder, features: training.model.nFeatures)
        }
        self.config = config
        hash = SHA256.hex(file.encoded())
        let stem = Self.stem(config)
        let beside = ["\(stem)_train_config.yaml", "label_coeffs.json"].map {
            (name: $0, path: (folder as NSString).appendingPathComponent($0))
        }
        files =
            [("\(stem).\((path as NSString).pathExtension)", path)]
            + beside.filter { FileManager.default.fileExists(atPath: $0.path) }
    }
}

// MARK: The files of a folder

extension TargetFiles {
    private static func config(in folder: String, of path: String) throws(RunError) -> TargetConfig {
        let names = TargetFileNames.configs
        let found = names.map { (folder as NSString).appendingPathComponent($0) }
            .filter(FileManager.default.fileExists(atPath:))
        guard let file = found.first else {
            throw .invalid(
                "\(path) needs its training config \(path == folder ? "in" : "beside") it: there is neither "
                    + "\(names.joined(separator: " nor ")) in \(folder)")
        }
        guard found.count == 1 else {
            throw .invalid(
                "\(folder) holds both \(names.joined(separator: " and ")); give each target a folder of its own")
        }
        do {
            return try TargetConfig.load(path: file)
        } catch {
            throw .invalid("\(error)")
        }
    }

    private static func weights(in folder: String, stem: String) throws(RunError) -> String {
        let names = ["\(stem).safetensors", "\(stem).pth"]
        let found = names.map { (folder as NSString).appendingPathComponent($0) }
            .filter(FileManager.default.fileExists(atPath:))
        guard let file = found.first else {
            throw .invalid("\(folder) needs a target's weights: there is neither \(names.joined(separator: " nor "))")
        }
        guard found.count == 1 else {
            throw .invalid(
                "\(folder) holds both \(names.joined(separator: " and ")); name the one to decompose in "
                    + "pretrained_model_path")
        }
        return file
    }

    private static func arrays(_ path: String) throws(RunError) -> SafeTensors {
        do {
            switch (path as NSString).pathExtension {
            case "safetensors": return try SafeTensors(contentsOf: path)
            case "pth", "pt": return SafeTensors(arrays: try TorchFile(contentsOf: path).arrays)
            default: throw RunError.invalid("\(path) is neither .safetensors nor .pth weights nor a folder with some")
            }
        } catch let error as RunError {
            throw error
        } catch {
            throw .invalid("\(error)")
        }
    }

    /// Checks the coefficients of a residual MLP's labels, which decomposing it does not need, where they are kept.
    private static func checkLabelCoefficients(in folder: String, features: Int) throws(RunError) {
        let path = (folder as NSString).appendingPathComponent(TargetFileNames.labelCoefficients)
        guard FileManager.default.fileExists(atPath: path) else { return }
        let numbers: [Float]
        do {
            numbers = try JSONDecoder().decode([Float].self, from: Data(DurableFile.read(path, limit: 64 << 20)))
        } catch let error as FileError {
            throw .invalid("\(error)")
        } catch {
            throw .invalid("\(path) is not a JSON list of finite numbers")
        }
        guard numbers.count == features else {
            throw .invalid("\(path) has \(numbers.count) numbers; the target has \(features) features")
        }
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
