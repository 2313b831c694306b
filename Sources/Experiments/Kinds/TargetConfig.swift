private import Foundation

/// How a target model is trained: the published train configs, every key typed and checked.
public struct TargetConfig: Sendable {
    let configured: any ConfiguredTraining

    /// The training.
    public var training: any TargetTraining { configured }
    /// The kind of model that it trains.
    public var kind: TargetKind { type(of: configured).kind }

    init(_ training: any ConfiguredTraining) {
        configured = training
    }

    /// A module that can be decomposed.
    public struct Module: Sendable {
        /// Its path in the PyTorch model, as `layers.0.mlp_in`.
        public let name: String
        /// How many numbers go in, or how many tokens there are.
        public let inputs: Int
        /// How many numbers come out.
        public let outputs: Int
        /// Whether it looks rows up instead of multiplying.
        public var isEmbedding = false

        /// Whether a published pattern (`*`, `?`, `[…]`) names it.
        func matches(_ pattern: String) -> Bool { fnmatch(pattern, name, FNM_NOESCAPE) == 0 }
    }

    /// A weight of the model.
    public struct Tensor: Sendable, Equatable {
        /// Its name in the published state dict.
        public let name: String
        /// Its extents, outermost first.
        public let shape: [Int]

        init(_ name: String, _ shape: [Int]) {
            self.name = name
            self.shape = shape
        }
    }
}

extension TargetConfig: Hashable {
    /// By the text that says all of it.
    public func hash(into hasher: inout Hasher) { hasher.combine(canonicalJSON()) }

    /// Compares all keys.
    public static func == (a: TargetConfig, b: TargetConfig) -> Bool { a.configured.isEqual(to: b.configured) }
}

extension TargetConfig {
    /// Reads a train config from YAML or JSON text.
    ///
    /// Which model it trains shows in its model's key, such as `tms_model_config`.
    ///
    /// - Parameters:
    ///   - text: One document with the published keys.
    ///   - source: What messages call the text, such as its file's path.
    /// - Returns: The train config.
    /// - Throws: Everything that is wrong with the document.
    public static func load(yaml text: String, source: String) throws(ConfigError) -> TargetConfig {
        let node = try SourceNode.parse(yaml: text, source: source)
        return try load(node, source: source)
    }

    /// Reads a train config from a YAML or JSON file.
    ///
    /// - Throws: Why the file cannot be read, or everything that is wrong with it.
    public static func load(path: String) throws(ConfigError) -> TargetConfig {
        let node = try SourceNode.parse(path: path)
        return try load(node, source: path).resolvingFiles(against: (path as NSString).deletingLastPathComponent)
    }

    /// The config with the files that it names taken from a folder, where their paths are relative.
    public func resolvingFiles(against folder: String) -> TargetConfig {
        guard let text = training.textFile, !text.hasPrefix("/") else { return self }
        let base = URL(filePath: folder.isEmpty ? "." : folder, directoryHint: .isDirectory)
        return readingText(from: URL(filePath: text, relativeTo: base).standardizedFileURL.path)
    }

    /// The config with another file of text to learn.
    public func readingText(from path: String) -> TargetConfig { TargetConfig(configured.readingText(from: path)) }

    private static func load(_ node: SourceNode, source: String) throws(ConfigError) -> TargetConfig {
        var reader = Reader(source: source)
        guard let kind = TargetKind.all.first(where: { $0.modelKeys.contains(where: node.has) }) else {
            let keys = TargetKind.all.compactMap(\.modelKeys.first)
            let list = keys.dropLast().joined(separator: ", ") + " or " + (keys.last ?? "")
            reader.report(.missing(allowed: "a mapping that holds \(list)"), at: node.place)
            throw ConfigError(reader.problems)
        }
        let config = kind.readTraining(node, &reader)
        try reader.finish()
        for conflict in config.conflicts {
            reader.report(.conflict(conflict.reason), at: node.place(of: conflict.key), key: conflict.key)
        }
        try reader.finish()
        return config
    }

    /// The config as a value of the published keys in the published order.
    public var value: ConfigValue { configured.value }

    /// The config as YAML, every key written out.
    public func yaml() -> String { value.yaml }

    /// The config as JSON on one line, every key written out.
    public func json() -> String { value.json }

    /// The config as JSON with sorted keys and no spaces: the same text for the same settings.
    public func canonicalJSON() -> String { value.canonicalJSON }

    private var conflicts: [Conflict] { configured.conflicts }

    /// The modules that can be decomposed, in the order of a forward pass.
    var modules: [Module] { training.modules }

    /// How many numbers the target model has.
    var parameterCount: Int { training.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) } }
}

extension SourceNode {
    fileprivate func has(_ key: String) -> Bool {
        guard case .map(let entries) = content else { return false }
        return entries.contains { $0.key == key }
    }
}
