import Testing

@testable import Experiments

/// A config of only the required keys.
let minimal = """
    C: 20
    n_mask_samples: 1
    target_module_patterns: [linear1, linear2]
    importance_minimality_coeff: 3e-3
    pnorm: 1
    output_loss_type: mse
    lr: 1e-3
    steps: 100
    batch_size: 4096
    n_eval_steps: 100
    print_freq: 10
    pretrained_model_class: spd.experiments.tms.models.TMSModel
    task_config:
      task_name: tms
      feature_probability: 0.05
    """

/// The problems of a text, one line each; empty if there are none.
func problems(_ load: () throws -> Void) -> String {
    do {
        try load()
        return ""
    } catch let error as ConfigError {
        return error.description
    } catch {
        return "not a ConfigError: \(error)"
    }
}

/// What loading says of `minimal` with one line replaced or appended.
func problems(replacing old: String = "", with new: String) -> String {
    let text = old.isEmpty ? minimal + "\n" + new : minimal.replacing(old, with: new)
    return problems { _ = try ExperimentConfig.load(yaml: text, source: "my.yaml") }
}
