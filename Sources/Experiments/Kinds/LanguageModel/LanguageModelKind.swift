import Metrics

extension TargetKind {
    /// Language models as the transformers library has them.
    static let languageModel = TargetKind(
        name: "lm", aliases: [], tag: "lm", weightsStem: "model",
        modelClasses: [
            "AutoModelForCausalLM", "LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "GPTNeoForCausalLM",
            "GPT2LMHeadModel", "GPTNeoXForCausalLM",
        ].map { "transformers." + $0 },
        data: .text(TextData()), training: LanguageTrainingConfig.self, hasEmbeddings: true,
        measures: Metric.ofLanguageModels,
        takesHubNames: true,
        conflicts: { config in
            var conflicts: [Conflict] = []
            if config.pretrainedModelPath != nil, let name = config.pretrainedModelNameHF {
                let reason = "\(name), and pretrained_model_path is set too; leave one of the two null"
                conflicts.append(Conflict(key: "pretrained_model_name_hf", reason: reason))
            }
            if case .wandb = config.pretrainedModelPath {
                let reason = "language models come from a folder, from train:<target>, or by pretrained_model_name_hf"
                conflicts.append(Conflict(key: "pretrained_model_path", reason: reason))
            }
            if let attribute = config.pretrainedModelOutputAttr, attribute != "logits" {
                let reason = "found \(attribute), expected logits or null"
                conflicts.append(Conflict(key: "pretrained_model_output_attr", reason: reason))
            }
            return conflicts
        })
}
