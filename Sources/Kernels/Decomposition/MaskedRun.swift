import Metrics

extension LossTerm {
    /// Which of a step's streams of masks a loss draws from; no two losses that draw share one.
    var streamNumber: Int {
        switch self {
        case .stochasticReconLayerwise: 1
        case .embeddingRecon: 2
        default: 0
        }
    }
}

/// One masked run of the model that a loss averages over.
struct MaskedRun {
    /// Where the masks' uniform numbers come from: m = ci + (1 - ci) u.
    enum Uniforms: Equatable {
        case drawn(sample: Int)
        /// u = 0: the mask is the causal importance.
        case zeros
        /// u = 1: every subcomponent is fully on.
        case ones
    }

    let term: LossTerm
    let uniforms: Uniforms
    let replaced: ModuleSet
    /// This run's share in the loss's mean.
    let share: Double
    let coefficient: Float

    /// The runs that `coefficients` ask for.
    static func all(_ coefficients: LossCoefficients, samples: Int, modules: Int) -> [MaskedRun] {
        LossTerm.allCases.flatMap { term -> [MaskedRun] in
            guard let coefficient = coefficients[term] else { return [] }
            func run(_ uniforms: Uniforms, _ replaced: ModuleSet, outOf runs: Int) -> MaskedRun {
                MaskedRun(
                    term: term, uniforms: uniforms, replaced: replaced, share: 1 / Double(runs),
                    coefficient: coefficient)
            }
            switch term {
            case .faithfulness, .importanceMinimality, .schatten: return []
            case .recon: return [run(.zeros, .all, outOf: 1)]
            case .outputRecon: return [run(.ones, .all, outOf: 1)]
            case .reconLayerwise: return (0..<modules).map { run(.zeros, .one($0), outOf: modules) }
            case .stochasticRecon, .embeddingRecon:
                return (0..<samples).map { run(.drawn(sample: $0), .all, outOf: samples) }
            case .stochasticReconLayerwise:
                return (0..<samples).flatMap { sample in
                    (0..<modules).map { run(.drawn(sample: sample), .one($0), outOf: samples * modules) }
                }
            }
        }
    }
}
