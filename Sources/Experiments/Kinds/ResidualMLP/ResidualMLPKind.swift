import Metrics

extension TargetKind {
    /// Residual MLPs; `resid_mlp` is what later versions of the published tool call the task.
    public static let residualMLP = TargetKind(
        name: "residual_mlp", aliases: ["resid_mlp"], tag: "resid_mlp", weightsStem: "resid_mlp",
        modelClasses: ["spd.experiments.resid_mlp.models.ResidualMLP"], data: .features(SparseFeaturesConfig()),
        training: ResidualMLPTrainingConfig.self, hasEmbeddings: false, measures: Metric.ofResidualMLP)
}

extension ResidualMLPTrainingConfig: ConfiguredTraining {
    static var kind: TargetKind { .residualMLP }
    static var modelKeys: [String] { [modelKey, olderModelKey] }

    /// f.
    public var featureCount: Int? { model.nFeatures }

    /// Two of each layer.
    public var modules: [TargetConfig.Module] {
        (0..<model.nLayers).flatMap {
            [
                TargetConfig.Module(name: "layers.\($0).mlp_in", inputs: model.dEmbed, outputs: model.dMLP),
                TargetConfig.Module(name: "layers.\($0).mlp_out", inputs: model.dMLP, outputs: model.dEmbed),
            ]
        }
    }

    /// The embedding, the unembedding, and the layers' maps with the biases that they have.
    public var tensors: [TargetConfig.Tensor] {
        [.init("W_E", [model.nFeatures, model.dEmbed]), .init("W_U", [model.dEmbed, model.nFeatures])]
            + modules.flatMap { module -> [TargetConfig.Tensor] in
                let hasBias = module.name.hasSuffix("mlp_in") ? model.inBias : model.outBias
                return [.init(module.name + ".weight", [module.outputs, module.inputs])]
                    + (hasBias ? [.init(module.name + ".bias", [module.outputs])] : [])
            }
    }

    func conflicts(with config: ExperimentConfig) -> [Conflict] {
        config.taskConfig.conflicts(features: model.nFeatures)
    }

    static func runName(_ config: ExperimentConfig, target: ResidualMLPTrainingConfig?, settings: String) -> String? {
        guard let model = target?.model else { return nil }
        return "resid_mlp\(model.nLayers)_" + settings + "ft\(model.nFeatures)_resid\(model.dEmbed)_mlp\(model.dMLP)"
    }
}
