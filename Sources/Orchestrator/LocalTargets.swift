import Experiments
import Foundation

/// The training configs that lie beside weights which users name, each read once.
struct LocalTargets {
    private var known: [String: Result<TargetConfig, Failure>] = [:]

    /// How the target at an absolute path was trained.
    ///
    /// - Throws: Why that cannot be read.
    mutating func config(at path: String) throws(Failure) -> TargetConfig {
        let result = known[path] ?? Self.load(path)
        known[path] = result
        return try result.get()
    }

    private static func load(_ path: String) -> Result<TargetConfig, Failure> {
        guard FileManager.default.isReadableFile(atPath: path) else {
            return .failure(.badInput("pretrained_model_path names \(path), which cannot be read"))
        }
        do {
            let source = try TargetSource(path)
            guard let name = source.names.first(where: TargetFileNames.configs.contains) else {
                return .failure(.badInput("pretrained_model_path names \(path), which has no training config"))
            }
            return .success(try TargetConfig.load(path: "\(source.folder)/\(name)"))
        } catch {
            return .failure(Failure(error))
        }
    }
}
