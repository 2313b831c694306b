import Experiments
import Figures
import Foundation
import Kernels
import Layout

/// The figures of a language model's decomposition, made again from weights that a run has kept.
///
/// They take the model and the text besides the weights: what the run was trained with is looked up in the cache, and
/// nothing is trained, downloaded or encoded. The eval split comes in its own order, so the figures are those that the run
/// would have drawn at that step.
struct LanguageWeightsFigures {
    let config: ExperimentConfig
    /// How the target was trained, where it was trained here.
    let training: TargetConfig?
    /// Where target and text are, as the run's spec says.
    let targetFiles: String?
    let cache: CacheFolder
    let threads: Int

    /// Draws them.
    ///
    /// - Parameters:
    ///   - weights: The decomposition.
    ///   - step: The step that the weights are of.
    ///   - corner: What stands in a figure's corner.
    /// - Returns: The figures, the user's own among them.
    /// - Throws: `RunError.invalid` for what is missing, with how to get it.
    func figures(of weights: PublishedWeights, step: Int, corner: String) throws(RunError) -> [Figure] {
        do {
            var sources = try LanguageSources(keptFor: config, training, targetFiles, cache, cache.offlineHub)
            try MemoryGate.check(
                RunMemory.bytes(of: config, training: training, model: sources.model, threads: threads))
            // A run without figures has no eval split available; the text that it was trained on has the same words.
            let hasEvaluation = sources.evaluation != nil
            sources.evaluation = sources.evaluation ?? sources.training
            let target = try LanguageRunTarget(sources, config: config, training: training, warn: { _ in })
            let decomposition = try target.decomposition(config, threads: threads)
            try decomposition.look(at: weights.tensors, step: step)
            guard let picture = try decomposition.picture(batches: config.nEvalSteps, goesOn: { true }) else {
                return []
            }
            let corner = hasEvaluation ? corner : corner + ", of its training text"
            return FigureNumbers(picture, tokenNames: target.tokenNames).figures(corner: corner)
                + (try UserMetricValues.figures(config, of: decomposition)?.figures(corner: corner) ?? [])
        } catch {
            throw .invalid(
                "\(weights.path): a language model's figures take its model and its encoded text, and \(error); "
                    + "`orchestrator run` or `submit` with the run's config brings both into the cache")
        }
    }
}
