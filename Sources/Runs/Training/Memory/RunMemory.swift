public import Experiments
import Foundation
import Kernels

/// How much memory runs take, whatever kind of target they decompose.
public enum RunMemory {
    /// About what a run takes at its worst moment.
    ///
    /// - Parameters:
    ///   - config: What it computes.
    ///   - training: How its target is trained, if known.
    ///   - model: The folder of its language model, if there is one.
    ///   - threads: Threads per step.
    /// - Returns: The bytes; nil if the target's shape is not known.
    /// - Throws: `RunError` for a language model that cannot be decomposed.
    public static func bytes(
        of config: ExperimentConfig, training: TargetConfig?, model: String? = nil, threads: Int
    ) throws(RunError) -> Int? {
        guard let text = config.taskConfig.text else {
            return training.map { MemoryUse(config, target: $0, threads: threads).bytes }
        }
        if let folder = training.flatMap({ LanguageTargetFolder($0) }) {
            return try bytes(of: config, text, folder.shape())
        }
        guard let model else { return nil }
        let shape = try LanguageModelFolder(path: model).shape(className: config.pretrainedModelClass)
        return try bytes(of: config, text, shape)
    }

    static func bytes(
        of config: ExperimentConfig, _ text: Experiments.TextData, _ shape: TransformerShape
    ) throws(RunError) -> Int {
        do {
            let memory = try LanguageMemory(
                of: shape, settings: try DecompositionSettings(config), length: text.maxSeqLen)
            return Int(min(MemoryUse.program + memory.bytes, 0x1p62))
        } catch let error as RunError {
            throw error
        } catch {
            throw .invalid("\(error)")
        }
    }
}
