public import Experiments
public import Figures
import Kernels

/// The figures that need only a decomposition's weights, and with its config those that involve its gates.
public struct WeightsFigures {
    private let weights: PublishedWeights
    private let corner: String
    private let config: ExperimentConfig?
    private let training: TargetConfig?
    private let threads: Int

    /// Looks at weights.
    ///
    /// - Parameters:
    ///   - weights: The target and its subcomponents.
    ///   - corner: What stands in a figure's corner: the run and the step.
    ///   - config: What the decomposition was trained with, if known.
    ///   - training: How the target was trained, if known.
    ///   - threads: Threads to compute with.
    public init(
        _ weights: PublishedWeights, corner: String, config: ExperimentConfig? = nil, training: TargetConfig? = nil,
        threads: Int = 1
    ) {
        self.weights = weights
        self.corner = corner
        self.config = config
        self.training = training
        self.threads = threads
    }

    /// The figures computed from the weights, by their published names; empty for kinds of target without any.
    ///
    /// - Throws: `RunError.invalid` for a target whose tensors do not fit together.
    public var analysis: [Figure] {
        get throws(RunError) {
            guard let target = try weights.analysed(training) else { return [] }
            let analysed = AnalysedWeights(
                tensors: weights.tensors, isTrainingKnown: training != nil, decomposition: decomposition)
            do {
                return try target.figures(of: analysed).map(cornered)
            } catch let error as RunError {
                throw error
            } catch {
                throw .invalid("\(weights.path): \(error)")
            }
        }
    }

    /// The figures of a step that a run did not draw, made again from its batch, the user's own among them.
    ///
    /// - Parameter step: The step that the weights are of.
    /// - Returns: None where the config is not known or inputs are no features.
    /// - Throws: `RunError.invalid` for a config that is of other weights.
    public func importances(step: Int) throws(RunError) -> [Figure] {
        guard let config, let decomposition = try decomposition() else { return [] }
        do {
            try decomposition.look(at: weights.tensors, step: step)
            let picture = try decomposition.picture(batches: config.nEvalSteps) { true }
            return (picture.map { FigureNumbers($0).figures(corner: corner) } ?? [])
                + (try UserMetricValues.figures(config, of: decomposition)?.figures(corner: corner) ?? [])
        } catch {
            throw .invalid("\(weights.path): \(error)")
        }
    }

    /// The decomposition as it was trained; nil if its config is not known or its inputs are no features.
    private func decomposition() throws(RunError) -> FeatureDecomposition? {
        guard let config, config.taskConfig.sparseFeatures != nil, let target = try weights.analysed(training) else {
            return nil
        }
        do {
            return try target.decomposition(weights.tensors, config, threads: threads)
        } catch {
            throw .invalid("\(weights.path): \(error)")
        }
    }

    private func cornered(_ figure: Figure) -> Figure {
        var figure = figure
        figure.corner = corner
        return figure
    }
}
