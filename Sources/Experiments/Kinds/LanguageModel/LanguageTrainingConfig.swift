/// How a small Llama is trained on text.
public struct LanguageTrainingConfig: Sendable, Equatable {
    /// The shape of a Llama, with the hub's keys.
    public struct Model: Sendable, Equatable {
        /// Rows of the embedding; the tokenizer's words are as many at most.
        public internal(set) var vocabSize = 512
        /// The width of the residual stream.
        public internal(set) var hiddenSize = 64
        /// The width inside each MLP.
        public internal(set) var intermediateSize = 128
        /// Layers.
        public internal(set) var numHiddenLayers = 2
        /// Query heads.
        public internal(set) var numAttentionHeads = 4
        /// Key and value heads.
        public internal(set) var numKeyValueHeads = 2
        /// Whether the head is the embedding.
        public internal(set) var tieWordEmbeddings = true
    }

    /// The first seed to try.
    public internal(set) var seed = 0
    /// The model's shape.
    public internal(set) var model = Model()
    /// A text file to learn, a document a line; nil: stories of our own grammar.
    public internal(set) var textFile: String?
    /// Rows per step.
    public internal(set) var batchSize = 16
    /// Tokens of a row.
    public internal(set) var maxSeqLen = 64
    /// Optimiser steps.
    public internal(set) var steps = 1
    /// The learning rate.
    public internal(set) var lr = 1.0
    /// How the learning rate changes.
    public internal(set) var lrSchedule = LearningRateSchedule.constant
    /// AdamW's weight decay.
    public internal(set) var weightDecay = 0.01
    /// The norm that gradients are clipped to.
    public internal(set) var gradClip = 1.0
}

extension LanguageTrainingConfig {
    static let modelKey = "lm_model_config"

    static let fields: [Field<LanguageTrainingConfig>] = [
        Field("seed", \.seed, .seed),
        .section(modelKey, \.model, Model.fields),
        Field("text_file", \.textFile, .name),
        Field("batch_size", \.batchSize, .positiveInt, isRequired: true),
        Field("max_seq_len", \.maxSeqLen, .positiveInt, isRequired: true),
        Field("steps", \.steps, .positiveInt, isRequired: true),
        Field("lr", \.lr, .positive, isRequired: true),
        Field("lr_schedule", \.lrSchedule, .word(from: [.linear, .cosine, .constant])),
        Field("weight_decay", \.weightDecay, .nonNegative),
        Field("grad_clip", \.gradClip, .positive),
    ]
}

extension LanguageTrainingConfig.Model {
    fileprivate static let fields: [Field<LanguageTrainingConfig.Model>] = [
        Field("vocab_size", \.vocabSize, .positiveInt, isRequired: true),
        Field("hidden_size", \.hiddenSize, .positiveInt, isRequired: true),
        Field("intermediate_size", \.intermediateSize, .positiveInt, isRequired: true),
        Field("num_hidden_layers", \.numHiddenLayers, .positiveInt, isRequired: true),
        Field("num_attention_heads", \.numAttentionHeads, .positiveInt, isRequired: true),
        Field("num_key_value_heads", \.numKeyValueHeads, .positiveInt, isRequired: true),
        Field("tie_word_embeddings", \.tieWordEmbeddings, .bool),
    ]

    /// Numbers of a head.
    var headSize: Int { hiddenSize / numAttentionHeads }
}

extension LanguageTrainingConfig: ConfiguredTraining {
    static var kind: TargetKind { .languageModel }
    static var modelKeys: [String] { [modelKey] }

    /// Rows are tokens, not features.
    public var featureCount: Int? { nil }
    /// One seed will do.
    public var maxSeeds: Int { 1 }

    /// The embedding, the layers' linear maps and the head.
    public var modules: [TargetConfig.Module] {
        let (width, keys) = (model.hiddenSize, model.numKeyValueHeads * model.headSize)
        let layers = (0..<model.numHiddenLayers).flatMap { layer in
            [
                ("self_attn.q_proj", width, width), ("self_attn.k_proj", width, keys),
                ("self_attn.v_proj", width, keys), ("self_attn.o_proj", width, width),
                ("mlp.gate_proj", width, model.intermediateSize), ("mlp.up_proj", width, model.intermediateSize),
                ("mlp.down_proj", model.intermediateSize, width),
            ].map { TargetConfig.Module(name: "model.layers.\(layer).\($0)", inputs: $1, outputs: $2) }
        }
        return [.init(name: "model.embed_tokens", inputs: model.vocabSize, outputs: width, isEmbedding: true)] + layers
            + [.init(name: "lm_head", inputs: width, outputs: model.vocabSize)]
    }

    /// The modules' weights and the norms'.
    public var tensors: [TargetConfig.Tensor] {
        let width = model.hiddenSize
        let norms =
            (0..<model.numHiddenLayers).flatMap { layer in
                ["input_layernorm", "post_attention_layernorm"].map { "model.layers.\(layer).\($0)" }
            } + ["model.norm"]
        let matrices = modules.filter { $0.name != "lm_head" || !model.tieWordEmbeddings }.map { module in
            TargetConfig.Tensor(
                module.name + ".weight",
                module.isEmbedding ? [module.inputs, module.outputs] : [module.outputs, module.inputs])
        }
        return matrices + norms.map { TargetConfig.Tensor($0 + ".weight", [width]) }
    }

    func readingText(from path: String) -> Self {
        var training = self
        training.textFile = path
        return training
    }

    var conflicts: [Conflict] {
        func conflict(_ key: String, _ reason: String) -> [Conflict] {
            [Conflict(key: Self.modelKey + "." + key, reason: reason)]
        }
        guard model.hiddenSize.isMultiple(of: 2 * model.numAttentionHeads) else {
            return conflict(
                "num_attention_heads",
                "hidden_size \(model.hiddenSize) does not fall into \(model.numAttentionHeads) heads of an even size")
        }
        guard model.numAttentionHeads.isMultiple(of: model.numKeyValueHeads) else {
            return conflict(
                "num_key_value_heads",
                "num_attention_heads \(model.numAttentionHeads) is not a multiple of \(model.numKeyValueHeads)")
        }
        return []
    }

    func conflicts(with config: ExperimentConfig) -> [Conflict] { [] }

    static func runName(_ config: ExperimentConfig, target: LanguageTrainingConfig?, settings: String) -> String? {
        let source = config.target.map { source in
            if case .train(let name) = source { name } else { source.description }
        }
        return "lm_\(settings)_pretrained\(source ?? "")_seq\(config.taskConfig.text?.maxSeqLen ?? 0)"
    }
}
