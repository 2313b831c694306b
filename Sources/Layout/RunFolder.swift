public import Artifacts
import Glibc

/// A run's folder and the names of what it holds.
public struct RunFolder: Sendable, Equatable {
    /// Where the folder is.
    public let path: String

    /// Names a folder without touching it.
    public init(path: String) {
        self.path = path
    }

    /// The config as it ran.
    public var config: String { path + "/final_config.yaml" }
    /// One JSON object per logged step.
    public var metrics: String { path + "/metrics.jsonl" }
    /// What the run said, line by line.
    public var log: String { path + "/output.log" }
    /// Where observers of the user's are at home.
    public var user: String { path + "/user" }
    /// Copies of the observers of a run without a job, each in a folder of its digest's name.
    public var observers: String { path + "/observers" }
    /// What a run without a job was asked to be.
    public var spec: String { path + "/spec.json" }
    /// The lock of whoever trains a run without a job.
    public var lock: String { path + "/run.lock" }
    /// Where earlier versions kept figures.
    public var earlierFigures: String { path + "/figures" }
    /// Its rows for Weights & Biases, sent or waiting.
    public var spool: String { path + "/wandb" }

    /// The figures of the weights before `step`, in one file.
    public func figures(step: Int) -> String { "\(path)/\(Self.figures.prefix)\(step)\(Self.figures.suffix)" }

    /// The step of the figures in a file of that name; nil for other files.
    public static func step(ofFigures name: String) -> Int? {
        guard name.hasPrefix(figures.prefix), name.hasSuffix(figures.suffix) else { return nil }
        return Int(name.dropFirst(figures.prefix.count).dropLast(figures.suffix.count))
    }

    private static let figures = (prefix: "figures_", suffix: ".zip")

    /// The published state dict after `step` steps.
    public func model(step: Int) -> String { "\(path)/\(Self.model.prefix)\(step)\(Self.model.suffix)" }

    /// The step of the weights in a file of that name, ours or the published tool's; nil for other files.
    public static func step(ofModel name: String) -> Int? {
        guard name.hasPrefix(model.prefix), let suffix = [model.suffix, ".pth"].first(where: name.hasSuffix) else {
            return nil
        }
        return Int(name.dropFirst(model.prefix.count).dropLast(suffix.count))
    }

    private static let model = (prefix: "model_", suffix: ".safetensors")

    /// The state to continue from after `step` steps.
    public func checkpoint(step: Int) -> String { "\(path)/\(Self.checkpoint.prefix)\(step)\(Self.checkpoint.suffix)" }

    /// The step of the checkpoint with a file's name; nil if it is none.
    public static func step(ofCheckpoint name: String) -> Int? {
        guard name.hasPrefix(checkpoint.prefix), name.hasSuffix(checkpoint.suffix) else { return nil }
        return Int(name.dropFirst(checkpoint.prefix.count).dropLast(checkpoint.suffix.count))
    }

    private static let checkpoint = (prefix: "checkpoint_", suffix: ".safetensors")

    /// Creates the folder.
    ///
    /// - Throws: `FileError`.
    public func create() throws(FileError) {
        try DurableFile.createFolder(path)
    }

    /// Removes files that an earlier attempt had not finished: it may have been killed, or be about to wake up and give
    /// them their names.
    public func removeUnfinished() {
        DurableFile.removeUnfinished(in: path, olderThan: 0)
    }
}

extension RunFolder {
    /// What a file in a run's folder is, by what it is good for.
    public enum Part: String, Sendable {
        case weights, checkpoints, figures, metrics, wandb, other

        /// Whether it is large, and a run that is over can be understood without it.
        public var isLarge: Bool { self == .weights || self == .checkpoints || self == .figures }
    }

    /// What a file in a run's folder is, whole or not finished.
    ///
    /// - Parameter name: Its path below the folder.
    /// - Returns: The part that it belongs to.
    public static func part(of name: String) -> Part {
        if name.hasPrefix(model.prefix) { return .weights }
        if name.hasPrefix(checkpoint.prefix) { return .checkpoints }
        // Earlier versions had a folder of them, and their numbers beside.
        if name.hasPrefix("figures") || name.hasPrefix("numbers_") { return .figures }
        if name.hasPrefix("wandb") { return .wandb }
        return name == "metrics.jsonl" ? .metrics : .other
    }
}
