import Metrics

extension TargetKind {
    /// Toy models of superposition.
    public static let tms = TargetKind(
        name: "tms", aliases: [], tag: "tms", weightsStem: "tms", modelClasses: ["spd.experiments.tms.models.TMSModel"],
        data: .features(SparseFeaturesConfig()), training: TMSTrainingConfig.self, hasEmbeddings: false,
        measures: Metric.ofTMS, hasRecovery: true)
}

extension TMSTrainingConfig: ConfiguredTraining {
    static var kind: TargetKind { .tms }
    static var modelKeys: [String] { [modelKey] }

    /// f.
    public var featureCount: Int? { model.nFeatures }

    /// The linear maps.
    public var modules: [TargetConfig.Module] {
        let (features, hidden) = (model.nFeatures, model.nHidden)
        let layers = (0..<model.nHiddenLayers).map {
            TargetConfig.Module(name: "hidden_layers.\($0)", inputs: hidden, outputs: hidden)
        }
        return [TargetConfig.Module(name: "linear1", inputs: features, outputs: hidden)] + layers
            + [TargetConfig.Module(name: "linear2", inputs: hidden, outputs: features)]
    }

    /// The maps' weights and the one bias.
    public var tensors: [TargetConfig.Tensor] {
        modules.map { .init($0.name + ".weight", [$0.outputs, $0.inputs]) } + [.init("linear2.bias", [model.nFeatures])]
    }

    /// The outer two, if they are tied.
    public var tiedTensors: [(String, String)] { model.tiedWeights ? [("linear1.weight", "linear2.weight")] : [] }

    func conflicts(with config: ExperimentConfig) -> [Conflict] {
        config.taskConfig.conflicts(features: model.nFeatures)
    }

    static func runName(_ config: ExperimentConfig, target: TMSTrainingConfig?, settings: String) -> String? {
        guard let model = target?.model else { return nil }
        let layers = model.nHiddenLayers > 0 ? "-\(model.nHiddenLayers)" : ""
        let shape = "ft\(model.nFeatures)_hid\(model.nHidden)hid-layers\(model.nHiddenLayers)"
        return "tms\(model.nFeatures)-\(model.nHidden)\(layers)_" + settings + shape
    }
}
