public import Experiments
import Foundation

/// Which files make a target: its weights, its training config, what else the training has left.
public struct TargetFolder: Sendable {
    /// The folder.
    public let path: String
    /// The weights' name in it.
    public let weights: String
    /// Whether a user named the weights, and not the folder.
    public let isNamedByWeights: Bool
    /// The training config's name in it.
    public let configName: String

    /// Finds the files of the target at `path`: the folder that a training left, or the `.safetensors` or `.pth` weights
    /// in it.
    ///
    /// - Throws: What is missing.
    public init(_ path: String) throws(TargetError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw TargetError("there is no \(path)")
        }
        isNamedByWeights = !isFolder.boolValue
        let parent = (path as NSString).deletingLastPathComponent
        let folder = isFolder.boolValue ? path : parent.isEmpty ? "." : parent
        self.path = folder
        let configs = Self.present(TargetFileNames.configs, in: folder)
        guard let config = configs.first else {
            throw TargetError(
                "\(path) needs its training config \(isFolder.boolValue ? "in" : "beside") it: there is neither "
                    + "\(TargetFileNames.configs.joined(separator: " nor ")) in \(folder)")
        }
        guard configs.count == 1 else {
            throw TargetError(
                "\(folder) holds both \(configs.joined(separator: " and ")); give each target its own folder")
        }
        configName = config
        guard isFolder.boolValue else {
            weights = (path as NSString).lastPathComponent
            return
        }
        let expected = TargetKind(trainingConfigName: config)?.weightsNames ?? []
        let found = Self.present(expected, in: folder)
        guard let weights = found.first else {
            throw TargetError(
                "\(folder) needs a target's weights: there is neither \(expected.joined(separator: " nor "))")
        }
        guard found.count == 1 else {
            throw TargetError(
                "\(folder) holds both \(found.joined(separator: " and ")); name the one to decompose in "
                    + "pretrained_model_path")
        }
        self.weights = weights
    }

    private static func present(_ names: [String], in folder: String) -> [String] {
        names.filter { FileManager.default.fileExists(atPath: (folder as NSString).appendingPathComponent($0)) }
    }

    /// The names of all files that belong to the target.
    public var names: [String] {
        [weights, configName] + Self.present([TargetFileNames.labelCoefficients], in: path)
    }

    /// The path of one of the folder's files.
    func path(of name: String) -> String { (path as NSString).appendingPathComponent(name) }

    /// Reads how the target was trained.
    ///
    /// - Throws: What is wrong with the training config.
    public func config() throws(TargetError) -> TargetConfig {
        do { return try TargetConfig.load(path: path(of: configName)) } catch { throw TargetError("\(error)") }
    }
}
