import Analysis
import Experiments
import Figures
import Kernels
import Metrics

/// A target whose weights are looked at, whatever its kind.
protocol AnalysedTarget {
    /// The target's own figures, before anything is decomposed.
    var figures: [Figure] { get throws }
    /// The figures of what a decomposition of it amounts to, by the published names.
    ///
    /// - Throws: What computing causal importances throws.
    func figures(of weights: AnalysedWeights) throws -> [Figure]
    /// The end of a module at which its subcomponents can be told apart; nil where there is none.
    ///
    /// Inputs that are neurons or a stream's directions mean the same in two runs only as far as features are behind them.
    func featureEnd(of module: String, _ matrices: RankOneMatrices) -> FeatureEnd?
    /// How well features were recovered; nil where that cannot be told of weights alone.
    func recovery(_ tensors: StateDict) -> RecoveryReport?
    /// The decomposition as a config has trained it; nil for one whose inputs are no features.
    func decomposition(_ tensors: StateDict, _ config: ExperimentConfig, threads: Int) throws -> FeatureDecomposition?
}

/// A decomposition's weights, with what may be known of it besides.
struct AnalysedWeights {
    /// V, U and gates by their names in a replay.
    let tensors: StateDict
    /// Whether it is known how the target was trained.
    let isTrainingKnown: Bool
    /// Makes the decomposition as it was trained; nil where its config is not known.
    let decomposition: () throws -> FeatureDecomposition?
}

extension AnalysedTarget {
    var figures: [Figure] { [] }
    func figures(of weights: AnalysedWeights) throws -> [Figure] { [] }
    func recovery(_ tensors: StateDict) -> RecoveryReport? { nil }
    func decomposition(_ tensors: StateDict, _ config: ExperimentConfig, threads: Int) throws -> FeatureDecomposition? {
        nil
    }
}
