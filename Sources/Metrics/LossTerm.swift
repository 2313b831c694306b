/// The losses by their published names.
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
}
