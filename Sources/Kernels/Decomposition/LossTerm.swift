/// The losses by their published names, each logged as `loss/<name>`.
public enum LossTerm: String, Sendable, CaseIterable {
    case faithfulness
    case recon
    case stochasticRecon = "stochastic_recon"
    case reconLayerwise = "recon_layerwise"
    case stochasticReconLayerwise = "stochastic_recon_layerwise"
    case importanceMinimality = "importance_minimality"
    case schatten
    case outputRecon = "output_recon"
    case embeddingRecon = "embedding_recon"

    /// Which of a step's streams of masks a loss draws from; no two losses that draw share one.
    var streamNumber: Int {
        switch self {
        case .stochasticReconLayerwise: 1
        case .embeddingRecon: 2
        default: 0
        }
    }
}

extension LossCoefficients {
    /// The coefficient of a loss; nil skips it.
    public subscript(term: LossTerm) -> Float? {
        switch term {
        case .faithfulness: faithfulness
        case .recon: recon
        case .stochasticRecon: stochasticRecon
        case .reconLayerwise: reconLayerwise
        case .stochasticReconLayerwise: stochasticReconLayerwise
        case .importanceMinimality: importanceMinimality
        case .schatten: schatten
        case .outputRecon: outputRecon
        case .embeddingRecon: embeddingRecon
        }
    }

    /// The sum of coefficient times loss.
    func total(of losses: [LossTerm: Double]) -> Double {
        // In a fixed order: a dictionary's differs from run to run, and with it the last bit of the sum.
        LossTerm.allCases.reduce(0) { $0 + Double(self[$1] ?? 0) * (losses[$1] ?? 0) }
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
