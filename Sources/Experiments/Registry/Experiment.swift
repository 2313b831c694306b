private import Foundation

/// A config under a name, with the training of its target model if that is described next to it.
public struct Experiment: Sendable, Equatable {
    /// The published name, or the file's without its extension.
    public let name: String
    /// The settings.
    public let config: ExperimentConfig
    /// How the target is trained, for a `pretrained_model_path` of `train:<target>`; otherwise nil.
    public let target: TargetConfig?
    /// The file that the config came from.
    public let source: String
    /// The folder where `<target>_target.yaml` is looked for first; nil for a published experiment.
    let folder: String?
    /// The file as it was read.
    let node: SourceNode
    /// The user's files that the experiment was read from; none for a published one.
    public let files: [String]
}

extension Experiment {
    /// Reads a user's own experiment.
    ///
    /// - Parameter path: A YAML or JSON file, which names the experiment too.
    /// - Returns: The experiment with its target.
    /// - Throws: What is wrong with the file or with the target's next to it.
    public static func load(path: String) throws(ConfigError) -> Experiment {
        try Experiment(
            name: name(ofFile: path), node: SourceNode.parse(path: path), source: path,
            folder: URL(fileURLWithPath: path).deletingLastPathComponent().path)
    }

    /// The name of the experiment that a file holds: the file's without extension and a trailing `_config`.
    public static func name(ofFile path: String) -> String {
        let stem = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        return stem.hasSuffix("_config") && stem != "_config" ? String(stem.dropLast(7)) : stem
    }

    /// One that is known already, as specs keep it.
    init(name: String, config: ExperimentConfig, target: TargetConfig?, source: String) {
        self.name = name
        self.config = config
        self.target = target
        self.source = source
        folder = nil
        node = SourceNode(config.value)
        files = []
    }

    init(name: String, node: SourceNode, source: String, folder: String?) throws(ConfigError) {
        self.name = name
        self.source = source
        self.folder = folder
        self.node = node
        config = try ExperimentConfig.load(node, source: source)
        var files = folder == nil ? [] : [source]
        if case .train(let target) = config.pretrainedModelPath,
            let file = Registry.targetFile(named: target, in: folder)
        {
            files.append(file)
        }
        self.files = files

        var reader = Reader(source: source)
        switch config.pretrainedModelPath {
        case .train(let name):
            target = try Registry.target(named: name, folder: folder)
            if target == nil {
                let key = "pretrained_model_path"
                reader.report(Registry.unknownTarget(name), at: node.place(of: key), key: key)
            }
        case .local, .wandb, .hub, nil:
            target = nil
        }
        for conflict in target.map(config.conflicts(decomposing:)) ?? [] {
            reader.report(.conflict(conflict.reason), at: node.place(of: conflict.key), key: conflict.key)
        }
        try reader.finish()
    }
}
