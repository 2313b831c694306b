extension ExperimentConfig {
    /// The published keys in the published order, each with its property and the values it takes.
    static let fields: [Field<ExperimentConfig>] = [
        Field("wandb_project", \.wandbProject, .name),
        Field("wandb_run_name", \.wandbRunName, .name),
        Field("wandb_run_name_prefix", \.wandbRunNamePrefix, .text),

        Field("seed", \.seed, .seed),
        Field("C", \.C, .positiveInt, isRequired: true),
        Field("n_mask_samples", \.nMaskSamples, .positiveInt, isRequired: true),
        Field("n_ci_mlp_neurons", \.nCIMLPNeurons, .count),
        Field("sigmoid_type", \.sigmoidType, .word()),
        Field(
            "target_module_patterns", \.targetModulePatterns,
            .nonEmptyList("a list of at least one module pattern", of: .name), isRequired: true),

        Field("faithfulness_coeff", \.faithfulnessCoeff, .nonNegative),
        Field("recon_coeff", \.reconCoeff, .nonNegative),
        Field("stochastic_recon_coeff", \.stochasticReconCoeff, .nonNegative),
        Field("recon_layerwise_coeff", \.reconLayerwiseCoeff, .nonNegative),
        Field("stochastic_recon_layerwise_coeff", \.stochasticReconLayerwiseCoeff, .nonNegative),
        Field("importance_minimality_coeff", \.importanceMinimalityCoeff, .nonNegative, isRequired: true),
        Field("schatten_coeff", \.schattenCoeff, .nonNegative),
        Field("out_recon_coeff", \.outReconCoeff, .nonNegative),
        Field("embedding_recon_coeff", \.embeddingReconCoeff, .nonNegative),
        Field("is_embed_unembed_recon", \.isEmbedUnembedRecon, .bool),
        Field("pnorm", \.pnorm, .positive, isRequired: true),
        Field("output_loss_type", \.outputLossType, .word(), isRequired: true),

        Field("lr", \.lr, .positive, isRequired: true),
        Field("steps", \.steps, .count, isRequired: true),
        Field("batch_size", \.batchSize, .positiveInt, isRequired: true),
        Field("lr_schedule", \.lrSchedule, .word()),
        Field("lr_exponential_halflife", \.lrExponentialHalflife, .positive),
        Field("lr_warmup_pct", \.lrWarmupPct, .probability),
        Field("n_eval_steps", \.nEvalSteps, .positiveInt, isRequired: true),

        Field("image_freq", \.imageFreq, .positiveInt),
        Field("figures", \.figures, .word(), isLeftOutIfNull: true),
        Field("image_on_first_step", \.imageOnFirstStep, .bool),
        Field("print_freq", \.printFreq, .positiveInt, isRequired: true),
        Field("save_freq", \.saveFreq, .positiveInt),
        Field("log_ce_losses", \.logCELosses, .bool),
        .userMetrics(\.userMetrics),
        .userFigures(\.userFigures),
        .observers(\.observers),

        Field("pretrained_model_class", \.pretrainedModelClass, .name, isRequired: true),
        Field("pretrained_model_path", \.pretrainedModelPath, .pretrainedModel),
        Field("pretrained_model_name_hf", \.pretrainedModelNameHF, .name),
        Field("pretrained_model_output_attr", \.pretrainedModelOutputAttr, .name),
        Field("tokenizer_name", \.tokenizerName, .name),

        .task(\.taskConfig),
    ]

    /// What is wrong with the keys taken together.
    var conflicts: [Conflict] {
        var conflicts = observerConflicts
        if lrSchedule == .exponential, lrExponentialHalflife == nil {
            let reason = "exponential needs lr_exponential_halflife, a number of steps > 0"
            conflicts.append(Conflict(key: "lr_schedule", reason: reason))
        }
        let kind = taskConfig.kind
        guard !kind.modelClasses.contains(pretrainedModelClass) else { return conflicts }
        let other = TargetKind.all.first { $0.modelClasses.contains(pretrainedModelClass) }
        let nearest = Spelling.nearest(to: pretrainedModelClass, among: kind.modelClasses)
        let reason =
            if let other, kind.modelClasses.count > 1 {
                "\(pretrainedModelClass) goes with task_name \(other.name), not \(kind.name)"
            } else {
                "task_name \(kind.name) goes with \(kind.modelClasses.joined(separator: ", ")), not "
                    + pretrainedModelClass + ((other == nil ? nearest : nil).map { "; did you mean \($0)?" } ?? "")
            }
        conflicts.append(Conflict(key: "pretrained_model_class", reason: reason))
        return conflicts
    }
}

/// Keys that are right on their own and wrong together.
struct Conflict: Hashable {
    let key: String
    let reason: String
}

extension SourceNode {
    /// Where a dotted path's key stands, or else the mapping that lacks it.
    func place(of path: String) -> SourcePlace? {
        guard case .map(let entries) = content else { return place }
        let key = path.prefix { $0 != "." }
        guard let entry = entries.first(where: { $0.key == key }) else { return place }
        return key.endIndex == path.endIndex
            ? entry.place : entry.value.place(of: String(path[path.index(after: key.endIndex)...]))
    }
}
