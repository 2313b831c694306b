public import Experiments
import Kernels

/// The time of an optimiser step, measured for a moment.
public enum StepTiming {
    /// Times the steps of a config.
    ///
    /// A target that is to be trained is trained for a hundred steps only: a step's time does not depend on how good
    /// it is.
    ///
    /// - Parameters:
    ///   - config: What a step computes.
    ///   - target: How the target is trained, where the config says `train:`.
    ///   - threads: Threads per step.
    ///   - patience: When to stop; two steps are timed even if that takes longer.
    /// - Returns: The median in seconds.
    /// - Throws: `RunError` for what cannot be run.
    public static func secondsPerStep(
        _ config: ExperimentConfig, target: TargetConfig?, threads: Int, within patience: Duration
    ) throws(RunError) -> Double {
        do {
            let model = try model(of: config, target, threads: threads)
            let decomposition = try model.decomposition(config, threads: threads)
            let start = ContinuousClock.now
            // The first step also touches memory and starts threads.
            try decomposition.advance(reporting: false)
            var times: [Duration] = []
            while times.count < 2 || .now - start < patience {
                let before = ContinuousClock.now
                try decomposition.advance(reporting: false)
                times.append(.now - before)
            }
            return times.sorted()[times.count / 2] / .seconds(1)
        } catch let error as RunError {
            throw error
        } catch {
            throw .invalid("\(error)")
        }
    }

    private static func model(
        of config: ExperimentConfig, _ training: TargetConfig?, threads: Int
    ) throws -> TargetModel {
        switch (config.pretrainedModelPath, training) {
        case (.train?, let training?): return try training.roughTarget(threads: threads)
        case (.local(let path)?, _): return try TargetFiles(path: path).model
        default: throw RunError.invalid("its target is not here yet")
        }
    }
}
