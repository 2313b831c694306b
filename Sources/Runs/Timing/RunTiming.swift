public import Experiments
import Figures
import Foundation
import Kernels

/// What a run's time is made of, measured for a moment.
public struct RunTiming: Sendable, Equatable {
    /// The median of a step's seconds.
    public let secondsPerStep: Double
    /// The seconds of a set of figures; 0 if the config has none or nothing here can draw them.
    public let secondsPerFigures: Double
    /// The fixed cost of a run, however short: its start, its files, its end.
    public let secondsPerRun: Double
}

extension RunTiming {
    /// A run's one-off writes and settling take at least this long, on its own disk.
    private static let files = 0.02
    /// Over this many batches figures are timed; further ones take as long each.
    private static let batches = 2

    /// Times the steps and figures of a config.
    ///
    /// A target that is to be trained is trained for a hundred steps only: a step's time does not depend on how good
    /// it is.
    ///
    /// - Parameters:
    ///   - config: What a step computes.
    ///   - target: How the target is trained, where the config says `train:`.
    ///   - cache: Where targets are kept.
    ///   - threads: Threads per step.
    ///   - patience: When to stop; two steps are timed even if that takes longer.
    /// - Returns: The times.
    /// - Throws: `RunError` for what cannot be run.
    public static func measure(
        _ config: ExperimentConfig, target: TargetConfig?, cache: TargetCache, threads: Int, within patience: Duration
    ) throws(RunError) -> RunTiming {
        do {
            try MemoryGate.check(RunMemory.bytes(of: config, training: target, threads: threads), threads: threads)
            let sample = try cache.sample(of: config, training: target, threads: threads)
            let start = ContinuousClock.now
            let decomposition = try sample.decomposition(config, threads: threads)
            // The first step also touches memory and starts threads.
            try decomposition.advance(reporting: false)
            let beginning = (ContinuousClock.now - start) / .seconds(1)
            var times: [Duration] = []
            while times.count < 2 || .now - start < patience {
                let before = ContinuousClock.now
                try decomposition.advance(reporting: false)
                times.append(.now - before)
            }
            let step = times.sorted()[times.count / 2] / .seconds(1)
            return RunTiming(
                secondsPerStep: step, secondsPerFigures: try figures(config, decomposition),
                secondsPerRun: Self.files + max(0, beginning - step))
        } catch let error as RunError {
            throw error
        } catch {
            throw .invalid("\(error)")
        }
    }

    private static func figures(_ config: ExperimentConfig, _ decomposition: any Decomposition) throws -> Double {
        guard config.hasFigures else { return 0 }
        let cairo: Cairo
        do { cairo = try Cairo(libraries: Cairo.usualLibraries) } catch { return 0 }
        func time(batches: Int) throws -> (seconds: Double, numbers: FigureNumbers?) {
            let start = ContinuousClock.now
            let numbers = try decomposition.picture(batches: batches) { true }.map { FigureNumbers($0) }
            return ((ContinuousClock.now - start) / .seconds(1), numbers)
        }
        let few = min(Self.batches, config.nEvalSteps)
        let (one, numbers) = try time(batches: few)
        let batch = config.nEvalSteps > few ? max(0, try time(batches: 2 * few).seconds - one) / Double(few) : 0
        let start = ContinuousClock.now
        for figure in numbers?.figures() ?? [] { _ = try figure.png(cairo) }
        return one + batch * Double(config.nEvalSteps - few) + (ContinuousClock.now - start) / .seconds(1)
    }
}
