public import Experiments

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
        try RunKinds.of(config.taskConfig.kind).bytes(of: config, training: training, model: model, threads: threads)
    }
}
