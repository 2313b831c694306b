import Experiments
import JSON
import Kernels

/// The shapes of the models that the published experiments decompose, to time their steps without downloading them.
enum PublishedModels {
    /// Each model's `config.json`, as far as it says what is computed.
    private static let configs = [
        "SimpleStories/SimpleStories-1.25M": """
        {"architectures": ["LlamaForCausalLM"], "vocab_size": 4096, "hidden_size": 128, "intermediate_size": 341,
         "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
         "max_position_embeddings": 512, "tie_word_embeddings": true}
        """,
        "roneneldan/TinyStories-1M": """
        {"architectures": ["GPTNeoForCausalLM"], "vocab_size": 50257, "hidden_size": 64, "num_layers": 8,
         "num_heads": 16, "intermediate_size": null, "attention_types": [[["global", "local"], 4]],
         "window_size": 256, "max_position_embeddings": 2048, "activation_function": "gelu_new"}
        """,
    ]

    /// The `config.json` of a published experiment's model.
    static func config(of name: String) -> String? { configs[name] }
}

extension LanguageTargets {
    /// A published experiment's model with random weights, and its `config.json`: a step's time depends on neither its
    /// weights nor its text.
    ///
    /// - Throws: `RunError`, `KernelError` for a model of unknown shape.
    static func benchmark(_ experiment: Experiment) throws -> (target: any RunTarget, config: String) {
        guard let text = experiment.config.taskConfig.text else {
            throw RunError.invalid("task_config.task_name: expected lm")
        }
        let json: String
        if let folder = experiment.target.flatMap(LanguageTargetFolder.init) {
            json = folder.configJSON.text
        } else {
            guard case .hub(let name)? = experiment.config.target, let known = PublishedModels.config(of: name) else {
                throw RunError.invalid("\(experiment.name): the shape of its model is not known without a download")
            }
            json = known
        }
        let shape = try TransformerShape(config: ModelConfig(json: json, source: experiment.name))
        let target = LanguageRunTarget(
            rough: try LanguageTargetFolder.rough(shape), text: text, training: experiment.target)
        return (target, json)
    }
}
