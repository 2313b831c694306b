import Artifacts
public import Experiments
public import Figures
import Kernels
import Targets

/// The figures of a target that has been trained, before anything is decomposed.
public enum TargetFigures {
    /// The figures of the weights in a target's folder; none for kinds of target that have none.
    ///
    /// - Parameters:
    ///   - weights: The file of weights.
    ///   - training: How they were trained.
    ///   - corner: What stands in a figure's corner.
    /// - Returns: The figures.
    /// - Throws: `RunError` for weights that can't be read.
    public static func all(of weights: String, _ training: TargetConfig, corner: String) throws(RunError) -> [Figure] {
        guard training.training.featureCount != nil else { return [] }
        let state: StateDict
        do {
            state = try WeightsFile.read(weights).arrays.mapValues { Tensor(shape: $0.shape, values: $0.floats) }
        } catch { throw RunError(error) }
        let figures: [Figure]
        do {
            figures = try RunKinds.of(training.kind).analysed(state, training)?.figures ?? []
        } catch { throw .invalid("\(weights): \(error)") }
        return figures.map { figure in
            var figure = figure
            figure.corner = corner
            return figure
        }
    }
}
