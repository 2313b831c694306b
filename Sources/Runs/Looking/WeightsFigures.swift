import Analysis
public import Figures
import Kernels

/// The figures that a decomposition's weights alone are enough for.
public struct WeightsFigures {
    private let weights: PublishedWeights
    private let corner: String

    /// Looks at weights.
    ///
    /// - Parameters:
    ///   - weights: The target and its subcomponents.
    ///   - corner: What stands in a figure's corner: the run and the step.
    public init(_ weights: PublishedWeights, corner: String) {
        self.weights = weights
        self.corner = corner
    }

    /// All figures that there are for this kind of target, by the published names.
    ///
    /// - Throws: `RunError.invalid` for a kind of target that has none.
    public var all: [Figure] {
        get throws(RunError) {
            let figures: [Figure]
            if let target = try weights.tms() {
                figures =
                    TMSTargetFigures(target).all
                    + (TMSAnalysis(target, weights.tensors).map { TMSFigures($0).all } ?? [])
            } else if let target = try weights.residualMLP() {
                figures = NeuronContributions(target, weights.tensors).map { ResidualMLPFigures($0).all } ?? []
            } else {
                throw .invalid(
                    "\(weights.path): there are figures of toy models of superposition and of residual MLPs without "
                        + "biases; this is neither")
            }
            guard !figures.isEmpty else {
                throw .invalid(
                    "\(weights.path): the figures need linear1 or every layers.<n>.mlp_in decomposed; it has "
                        + weights.modules.joined(separator: ", "))
            }
            return figures.map { figure in
                var figure = figure
                figure.corner = corner
                return figure
            }
        }
    }
}
