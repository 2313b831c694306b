import Artifacts
import Experiments
public import Figures
import Kernels
import Targets

/// The figures of a target that has been trained, before anything is decomposed.
public enum TargetFigures {
    /// The figures of the weights in a target's folder; none for kinds of target that have none.
    ///
    /// - Parameters:
    ///   - weights: The file of weights.
    ///   - corner: What stands in a figure's corner.
    /// - Returns: The figures.
    /// - Throws: `RunError` for weights that can't be read.
    public static func all(of weights: String, corner: String) throws(RunError) -> [Figure] {
        let state: StateDict
        do {
            state = try WeightsFile.read(weights).arrays.mapValues { Tensor(shape: $0.shape, values: $0.floats) }
        } catch { throw RunError(error) }
        let target: TMSTarget?
        do { target = try PublishedWeights.tms(state) } catch { throw .invalid("\(weights): \(error)") }
        guard let target else { return [] }
        return TMSTargetFigures(target).all.map { figure in
            var figure = figure
            figure.corner = corner
            return figure
        }
    }
}
