public import Metrics

extension ExperimentConfig {
    /// The coefficient of a loss; nil skips the loss, zero computes and logs it.
    public func coefficient(of term: LossTerm) -> Double? {
        switch term {
        case .faithfulness: faithfulnessCoeff
        case .recon: reconCoeff
        case .stochasticRecon: stochasticReconCoeff
        case .reconLayerwise: reconLayerwiseCoeff
        case .stochasticReconLayerwise: stochasticReconLayerwiseCoeff
        case .importanceMinimality: importanceMinimalityCoeff
        case .schatten: schattenCoeff
        case .outputRecon: outReconCoeff
        case .embeddingRecon: embeddingReconCoeff
        }
    }
}
