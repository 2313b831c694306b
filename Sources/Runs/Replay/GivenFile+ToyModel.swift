import Experiments
import Kernels

extension GivenFile {
    /// The toy model that `target_class`, `target_config` and `target.*` make up.
    func toyModel() throws -> (training: TargetConfig, model: TargetModel) {
        let model = try metadata("target_config")
        let isTMS = try metadata("target_class") == "tms"
        let text =
            isTMS
            ? "{tms_model_config: \(model), \(Self.tmsTraining)}"
            : "{resid_mlp_model_config: \(model), \(Self.residualMLPTraining)}"
        let training = try TargetConfig.load(yaml: text, source: path + " (target_config)")
        return (training, try training.target(tensors("target.")))
    }

    // Weights are given, so how they were trained does not matter; a train config has to say it anyway.
    private static let tmsTraining =
        "feature_probability: 0.5, batch_size: 1, steps: 1, lr: 1, data_generation_type: at_least_zero_active"
    private static let residualMLPTraining =
        "feature_probability: 0.5, batch_size: 1, steps: 1, lr: 1, print_freq: 1"
}
