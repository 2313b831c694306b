extension TransformerShape {
    /// Llama and its relatives: RMS norms, rotary positions, gated MLPs, shared keys and values.
    static func llama(_ config: ModelConfig, _ architecture: ModelArchitecture) throws(ModelConfigError) -> Self {
        let width = try config.required("hidden_size")
        let heads = try config.required("num_attention_heads")
        let isMistralDefault = architecture == .mistral && !config.has("num_key_value_heads")
        let keyValueHeads = try config.count("num_key_value_heads") ?? (isMistralDefault ? 8 : heads)
        guard heads % keyValueHeads == 0 else {
            throw ModelConfigError(
                "num_attention_heads \(heads) is not a multiple of num_key_value_heads \(keyValueHeads)")
        }
        var headSize = try config.count("head_dim") ?? 0
        if headSize == 0 {
            headSize = try config.headSize(
                width: width, heads: heads, widthKey: "hidden_size", headsKey: "num_attention_heads")
        }
        let middle = try config.required("intermediate_size")
        let isLlama = architecture == .llama
        let inputBias = try isLlama ? config.flag("attention_bias") ?? false : architecture == .qwen2
        let outputBias = try isLlama ? config.flag("attention_bias") ?? false : false
        let mlpBias = try isLlama ? config.flag("mlp_bias") ?? false : false
        let epsilon = Float(try config.number("rms_norm_eps") ?? 1e-6)
        let activation = try config.activation("hidden_act", default: "silu")
        let rotary = try config.rotary(headSize: headSize)
        let count = try config.required("num_hidden_layers")
        let windows = try config.windows(architecture, layers: count)
        let layers = (0..<count).map { index in
            let name = "model.layers.\(index)."
            func linear(_ part: String, _ inputs: Int, _ outputs: Int, _ hasBias: Bool) -> Linear {
                Linear(name: name + part, inputs: inputs, outputs: outputs, hasBias: hasBias)
            }
            func norm(_ part: String) -> Norm { Norm(name: name + part, kind: .rms, epsilon: epsilon) }
            return Layer(
                attentionNorm: norm("input_layernorm"),
                attention: Attention(
                    projections: .separate(
                        query: linear("self_attn.q_proj", width, heads * headSize, inputBias),
                        key: linear("self_attn.k_proj", width, keyValueHeads * headSize, inputBias),
                        value: linear("self_attn.v_proj", width, keyValueHeads * headSize, inputBias)),
                    output: linear("self_attn.o_proj", heads * headSize, width, outputBias),
                    heads: heads, keyValueHeads: keyValueHeads, headSize: headSize,
                    scale: 1 / Float(headSize).squareRoot(), rotary: rotary, window: windows[index]),
                mlpNorm: norm("post_attention_layernorm"),
                mlp: .gated(
                    gate: linear("mlp.gate_proj", width, middle, mlpBias),
                    up: linear("mlp.up_proj", width, middle, mlpBias),
                    down: linear("mlp.down_proj", middle, width, mlpBias)),
                activation: activation)
        }
        return TransformerShape(
            architecture: architecture.rawValue, vocabulary: try config.required("vocab_size"), width: width,
            embedding: "model.embed_tokens", positions: nil, layers: layers,
            finalNorm: Norm(name: "model.norm", kind: .rms, epsilon: epsilon), head: "lm_head",
            isHeadTied: try config.flag("tie_word_embeddings") ?? false)
    }
}

extension ModelConfig {
    /// How far back each layer's attention sees; nil without a limit.
    fileprivate func windows(_ architecture: ModelArchitecture, layers: Int) throws(ModelConfigError) -> [Int?] {
        switch architecture {
        case .mistral:
            let window = try has("sliding_window") ? count("sliding_window") : 4096
            return Array(repeating: window, count: layers)
        case .qwen2 where try flag("use_sliding_window") == true:
            let window = try has("sliding_window") ? count("sliding_window") : 4096
            if let types = try list("layer_types") {
                guard types.count == layers else {
                    throw ModelConfigError(
                        "layer_types names \(types.count) layers, but num_hidden_layers is \(layers)")
                }
                return try types.map { type throws(ModelConfigError) in
                    switch type {
                    case .text("sliding_attention"): return window
                    case .text("full_attention"): return nil
                    default:
                        throw ModelConfigError(
                            "layer_types: \(type) is not supported; sliding_attention and full_attention are")
                    }
                }
            }
            let full: Int
            if case .number(0) = values["max_window_layers"] {
                full = 0
            } else {
                full = try count("max_window_layers") ?? 28
            }
            return (0..<layers).map { $0 >= full ? window : nil }
        default:
            return Array(repeating: nil, count: layers)
        }
    }
}
