import Foundation

/// Which of a model's files are needed.
public enum ModelFiles {
    /// Possible names of weights, best first.
    public static let weights = [
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    ]
    private static let others = [
        "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt",
    ]

    /// The files to download, but for the shards that an index names.
    static func wanted(
        among files: [HubDownload.File], of name: String, needsWeights: Bool
    ) throws(HubError) -> [HubDownload.File] {
        guard needsWeights else { return files.filter { others.contains($0.path) } }
        guard files.contains(where: { $0.path == "config.json" }) else {
            throw HubError(.unusable, "\(name) has no config.json: it is not a transformers model")
        }
        guard let weights = weights.first(where: { name in files.contains { $0.path == name } }) else {
            throw HubError(
                .unusable,
                "\(name) has no weights that can be read: \(Self.weights.joined(separator: ", ")) are all missing")
        }
        return files.filter { $0.path == weights || others.contains($0.path) }
    }

    /// Whether a folder has a config and weights: the hub's own tools may have fetched a single file.
    ///
    /// - Parameters:
    ///   - folder: the snapshot's folder.
    ///   - needsWeights: false for a model of which only the tokenizer is asked for.
    /// - Returns: false if a file is missing.
    /// - Throws: `HubError` if the list of its weights cannot be read.
    static func areWhole(in folder: String, needsWeights: Bool) throws(HubError) -> Bool {
        let exists = { FileManager.default.fileExists(atPath: folder + "/" + $0) }
        if !needsWeights { return exists("tokenizer.json") || exists("vocab.json") && exists("merges.txt") }
        guard exists("config.json"), let weights = weights.first(where: exists) else { return false }
        guard weights.hasSuffix(".index.json") else { return true }
        return try ShardIndex(contentsOf: folder + "/" + weights).files.allSatisfy(exists)
    }
}
