import Metrics

extension TargetKind {
    /// Language models as the transformers library has them.
    public static let languageModel = TargetKind(
        name: "lm", aliases: [], tag: "lm", weightsStem: "model",
        modelClasses: [
            "AutoModelForCausalLM", "LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "GPTNeoForCausalLM",
            "GPT2LMHeadModel", "GPTNeoXForCausalLM",
        ].map { "transformers." + $0 },
        data: .text(TextData()), training: LanguageTrainingConfig.self, hasEmbeddings: true,
        measures: Metric.ofLanguageModels,
        takesHubNames: true, needsWorkerForTargets: true,
        thingsToFetch: { config, isTrained in
            guard let text = config.taskConfig.text, !isTrained || !text.datasetName.hasPrefix("train:") else {
                return nil
            }
            // Seeds and rates change nothing about where things are.
            return [
                config.target?.description, config.pretrainedModelClass, config.tokenizerName, text.datasetName,
                text.columnName, text.trainDataSplit, text.evalDataSplit, "\(text.maxSeqLen)",
                "\(config.batchSize)", "\(config.hasFigures)", "\(config.embeddingReconCoeff != nil)",
                config.targetModulePatterns.joined(separator: " "),
                config.userMetrics.isEmpty && config.userFigures.isEmpty ? nil : config.json(),
            ].map { $0 ?? "" }.joined(separator: "\n")
        },
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
            return conflicts + (config.taskConfig.text.map { textConflicts($0, of: config) } ?? [])
        })

    /// What is wrong with the text that a config names, as far as its keys show.
    private static func textConflicts(_ text: TextData, of config: ExperimentConfig) -> [Conflict] {
        func conflict(_ key: String, _ reason: String) -> Conflict {
            Conflict(key: "task_config." + key, reason: reason)
        }
        let splits = [("train_data_split", text.trainDataSplit), ("eval_data_split", text.evalDataSplit)]
        let slices = splits.filter { $0.1.contains("[") }.map { key, split in
            conflict(key, "found \(split); slices of a split are not supported, name a whole split")
        }
        guard slices.isEmpty, text.datasetName.hasPrefix("train:") else { return slices }
        guard case .train(let target)? = config.pretrainedModelPath else {
            return [
                conflict(
                    "dataset_name",
                    "found \(text.datasetName), the text that a target was trained on, but pretrained_model_path trains "
                        + "none; expected a file, a folder or a data set's name")
            ]
        }
        guard text.datasetName == "train:" + target else {
            return [
                conflict("dataset_name", "found \(text.datasetName), but pretrained_model_path is train:\(target)")
            ]
        }
        var conflicts = splits.filter { !["train", "test"].contains($0.1) }.map { key, split in
            conflict(key, "found \(split); the text of a target that is trained here has the splits train and test")
        }
        if text.columnName != "text" {
            conflicts.append(
                conflict(
                    "column_name",
                    "found \(text.columnName); the text of a target that is trained here has one column, text")
            )
        }
        return conflicts
    }
}
