private import Foundation

/// The published experiments and the training of their targets, which the binary carries with it.
public enum Registry {
    /// The toy experiments' names in their usual order: what is run if none is named.
    public static let names = published.filter { !$0.isNamedOnly }.map(\.name)
    /// Every published experiment's name; language models behind the toys.
    public static let allNames = published.map(\.name)

    /// The experiment that a user names: a published one, or the path of a YAML file of their own.
    ///
    /// - Parameter name: A published name, or a path: it has a `/` in it or ends in `.yaml`, `.yml` or `.json`.
    /// - Returns: The experiment with its target.
    /// - Throws: What is wrong with the file, or the nearest published name to an unknown one.
    public static func experiment(named name: String) throws(ConfigError) -> Experiment {
        if name.contains("/") || [".yaml", ".yml", ".json"].contains(where: name.lowercased().hasSuffix) {
            return try Experiment.load(path: name)
        }
        let entry = try published(named: name)
        let source = entry.name + ".yaml"
        let node = try SourceNode.parse(yaml: text(entry.experiment), source: source)
        return try Experiment(name: entry.name, node: node, source: source, folder: nil)
    }

    /// A published experiment's file as it is, comments and all, to copy and change.
    ///
    /// - Parameter name: A published name.
    /// - Returns: The YAML text.
    /// - Throws: The nearest published name to an unknown one.
    public static func yaml(named name: String) throws(ConfigError) -> String {
        text(try published(named: name).experiment)
    }

    private static func published(named name: String) throws(ConfigError) -> Published {
        if let entry = published.first(where: { $0.name == name }) { return entry }
        let nearest = Spelling.nearest(to: name, among: allNames)
        let cause = ConfigProblem.Cause.unknownName(
            kind: "experiment", name: name, nearest: nearest, known: allNames)
        throw ConfigError([ConfigProblem(source: "experiments", place: nil, path: "", cause: cause)])
    }

    /// The training config that `train:<name>` stands for, or nil if there is none.
    ///
    /// - Parameters:
    ///   - name: The part after `train:`.
    ///   - folder: Where `<name>_target.yaml` is looked for before the published ones.
    /// - Returns: The training config, or nil for an unknown name.
    /// - Throws: What is wrong with the file found.
    public static func target(named name: String, folder: String?) throws(ConfigError) -> TargetConfig? {
        if let path = targetFile(named: name, in: folder) { return try TargetConfig.load(path: path) }
        guard let target = published.first(where: { $0.name == name })?.target else { return nil }
        return try TargetConfig.load(yaml: text(target), source: targetFileName(name))
    }

    /// The user's own file that `train:<name>` stands for, if there is one in `folder`.
    static func targetFile(named name: String, in folder: String?) -> String? {
        guard let folder else { return nil }
        let path = URL(fileURLWithPath: folder).appendingPathComponent(targetFileName(name)).path
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    private static func targetFileName(_ name: String) -> String { name + "_target.yaml" }

    static func unknownTarget(_ name: String) -> ConfigProblem.Cause {
        .unknownTarget(name: name, nearest: Spelling.nearest(to: name, among: trainable), known: trainable)
    }

    private static let trainable = published.filter { $0.target != nil }.map(\.name)

    private struct Published {
        let name: String
        let experiment: [UInt8]
        /// The training of its target; nil if that is downloaded.
        var target: [UInt8]?
        /// Whether it is run only where it is named.
        var isNamedOnly = false
    }

    private static let published = [
        Published(
            name: "tms_5-2", experiment: PackageResources.tms_5_2_yaml,
            target: PackageResources.tms_5_2_target_yaml),
        Published(
            name: "tms_5-2-id", experiment: PackageResources.tms_5_2_id_yaml,
            target: PackageResources.tms_5_2_id_target_yaml),
        Published(
            name: "tms_40-10", experiment: PackageResources.tms_40_10_yaml,
            target: PackageResources.tms_40_10_target_yaml),
        Published(
            name: "tms_40-10-id", experiment: PackageResources.tms_40_10_id_yaml,
            target: PackageResources.tms_40_10_id_target_yaml),
        Published(
            name: "resid_mlp1", experiment: PackageResources.resid_mlp1_yaml,
            target: PackageResources.resid_mlp1_target_yaml),
        Published(
            name: "resid_mlp2", experiment: PackageResources.resid_mlp2_yaml,
            target: PackageResources.resid_mlp2_target_yaml),
        Published(
            name: "resid_mlp3", experiment: PackageResources.resid_mlp3_yaml,
            target: PackageResources.resid_mlp3_target_yaml),
        Published(
            name: "lm_small", experiment: PackageResources.lm_small_yaml,
            target: PackageResources.lm_small_target_yaml, isNamedOnly: true),
        Published(name: "ss_emb", experiment: PackageResources.ss_emb_yaml, isNamedOnly: true),
        Published(name: "ts", experiment: PackageResources.ts_yaml, isNamedOnly: true),
    ]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
