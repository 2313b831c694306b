extension TransformerShape {
    /// GPT-Neo: learned positions, scores that are not divided, every other layer's attention local.
    static func gptNeo(_ config: ModelConfig) throws(ModelConfigError) -> Self {
        let width = try config.required("hidden_size")
        let heads = try config.required("num_heads")
        let headSize = try config.headSize(width: width, heads: heads, widthKey: "hidden_size", headsKey: "num_heads")
        let middle = try config.count("intermediate_size") ?? 4 * width
        let count = try config.required("num_layers")
        let window = try config.count("window_size") ?? 256
        let isLocal = try config.localLayers(count: count)
        let epsilon = Float(try config.number("layer_norm_epsilon") ?? 1e-5)
        let activation = try config.activation("activation_function", default: "gelu_new")
        let layers = (0..<count).map { index in
            let name = "transformer.h.\(index)."
            func linear(_ part: String, _ inputs: Int, _ outputs: Int, _ hasBias: Bool) -> Linear {
                Linear(name: name + part, inputs: inputs, outputs: outputs, hasBias: hasBias)
            }
            func norm(_ part: String) -> Norm { Norm(name: name + part, kind: .layer, epsilon: epsilon) }
            return Layer(
                attentionNorm: norm("ln_1"),
                attention: Attention(
                    projections: .separate(
                        query: linear("attn.attention.q_proj", width, width, false),
                        key: linear("attn.attention.k_proj", width, width, false),
                        value: linear("attn.attention.v_proj", width, width, false)),
                    output: linear("attn.attention.out_proj", width, width, true),
                    heads: heads, keyValueHeads: heads, headSize: headSize, scale: 1,
                    window: isLocal[index] ? window : nil),
                mlpNorm: norm("ln_2"),
                mlp: .plain(
                    input: linear("mlp.c_fc", width, middle, true), output: linear("mlp.c_proj", middle, width, true)),
                activation: activation)
        }
        return try .gpt(
            config, .gptNeo, width: width, positions: try config.required("max_position_embeddings"), layers: layers,
            epsilon: epsilon)
    }

    /// GPT-2: the inner maps are Conv1D, one of them for queries, keys and values.
    static func gpt2(_ config: ModelConfig) throws(ModelConfigError) -> Self {
        let width = try config.required("n_embd")
        let heads = try config.required("n_head")
        let headSize = try config.headSize(width: width, heads: heads, widthKey: "n_embd", headsKey: "n_head")
        let middle = try config.count("n_inner") ?? 4 * width
        let epsilon = Float(try config.number("layer_norm_epsilon") ?? 1e-5)
        let activation = try config.activation("activation_function", default: "gelu_new")
        let isScaled = try config.flag("scale_attn_weights") ?? true
        let isScaledByLayer = try config.flag("scale_attn_by_inverse_layer_idx") ?? false
        let layers = (0..<(try config.required("n_layer"))).map { index in
            let name = "transformer.h.\(index)."
            func linear(_ part: String, _ inputs: Int, _ outputs: Int) -> Linear {
                Linear(name: name + part, inputs: inputs, outputs: outputs, hasBias: true, isConv1D: true)
            }
            func norm(_ part: String) -> Norm { Norm(name: name + part, kind: .layer, epsilon: epsilon) }
            let scale = isScaled ? 1 / Float(headSize).squareRoot() : 1
            return Layer(
                attentionNorm: norm("ln_1"),
                attention: Attention(
                    projections: .joinedByKind(linear("attn.c_attn", width, 3 * width)),
                    output: linear("attn.c_proj", width, width),
                    heads: heads, keyValueHeads: heads, headSize: headSize,
                    scale: isScaledByLayer ? scale / Float(index + 1) : scale),
                mlpNorm: norm("ln_2"),
                mlp: .plain(input: linear("mlp.c_fc", width, middle), output: linear("mlp.c_proj", middle, width)),
                activation: activation)
        }
        return try .gpt(
            config, .gpt2, width: width, positions: try config.required("n_positions"), layers: layers,
            epsilon: epsilon)
    }

    private static func gpt(
        _ config: ModelConfig, _ architecture: ModelArchitecture, width: Int, positions: Int, layers: [Layer],
        epsilon: Float
    ) throws(ModelConfigError) -> Self {
        TransformerShape(
            architecture: architecture.rawValue, vocabulary: try config.required("vocab_size"), width: width,
            embedding: "transformer.wte", positions: Positions(name: "transformer.wpe", count: positions),
            layers: layers, finalNorm: Norm(name: "transformer.ln_f", kind: .layer, epsilon: epsilon), head: "lm_head",
            isHeadTied: try config.flag("tie_word_embeddings") ?? true)
    }

    /// GPT-NeoX, as Pythia: part of each head turns, attention and MLP read the same stream.
    static func gptNeoX(_ config: ModelConfig, headName: String) throws(ModelConfigError) -> Self {
        let width = try config.required("hidden_size")
        let heads = try config.required("num_attention_heads")
        let headSize = try config.headSize(
            width: width, heads: heads, widthKey: "hidden_size", headsKey: "num_attention_heads")
        let middle = try config.required("intermediate_size")
        let epsilon = Float(try config.number("layer_norm_eps") ?? 1e-5)
        let activation = try config.activation("hidden_act", default: "gelu")
        let rotary = try config.rotary(
            headSize: headSize, share: try config.number("rotary_pct") ?? 0.25, thetaKey: "rotary_emb_base")
        let attentionBias = try config.flag("attention_bias") ?? true
        let isParallel = try config.flag("use_parallel_residual") ?? true
        let layers = (0..<(try config.required("num_hidden_layers"))).map { index in
            let name = "gpt_neox.layers.\(index)."
            func linear(_ part: String, _ inputs: Int, _ outputs: Int, _ hasBias: Bool) -> Linear {
                Linear(name: name + part, inputs: inputs, outputs: outputs, hasBias: hasBias)
            }
            func norm(_ part: String) -> Norm { Norm(name: name + part, kind: .layer, epsilon: epsilon) }
            return Layer(
                attentionNorm: norm("input_layernorm"),
                attention: Attention(
                    projections: .joinedByHead(
                        linear("attention.query_key_value", width, 3 * width, attentionBias)),
                    output: linear("attention.dense", width, width, attentionBias),
                    heads: heads, keyValueHeads: heads, headSize: headSize,
                    scale: 1 / Float(headSize).squareRoot(), rotary: rotary),
                mlpNorm: norm("post_attention_layernorm"),
                mlp: .plain(
                    input: linear("mlp.dense_h_to_4h", width, middle, true),
                    output: linear("mlp.dense_4h_to_h", middle, width, true)),
                activation: activation, isParallel: isParallel)
        }
        return TransformerShape(
            architecture: ModelArchitecture.gptNeoX.rawValue, vocabulary: try config.required("vocab_size"),
            width: width, embedding: "gpt_neox.embed_in", positions: nil, layers: layers,
            finalNorm: Norm(name: "gpt_neox.final_layer_norm", kind: .layer, epsilon: epsilon), head: headName,
            isHeadTied: try config.flag("tie_word_embeddings") ?? false)
    }
}

extension ModelConfig {
    /// Which of GPT-Neo's layers are local: `attention_types` [[["global", "local"], 4]] is global, local, …, 8 layers.
    fileprivate func localLayers(count: Int) throws(ModelConfigError) -> [Bool] {
        guard let types = try list("attention_types") else {
            // The class's own default, for its 24 layers.
            return (0..<count).map { $0 % 2 == 1 }
        }
        let wrong = ModelConfigError(
            "attention_types should be a list of pairs such as [[\"global\", \"local\"], 4], but it is "
                + Value.list(types).description)
        var result: [Bool] = []
        for type in types {
            guard case .list(let pair) = type, pair.count == 2, case .list(let kinds) = pair[0],
                case .number(let number) = pair[1], let times = Int(exactly: number), (0...100_000).contains(times)
            else { throw wrong }
            var once: [Bool] = []
            for kind in kinds {
                switch kind {
                case .text("global"): once.append(false)
                case .text("local"): once.append(true)
                default:
                    throw ModelConfigError("attention_types: \(kind) is not supported; global and local are")
                }
            }
            for _ in 0..<times { result += once }
        }
        guard result.count == count else {
            throw ModelConfigError("attention_types names \(result.count) layers, but num_layers is \(count)")
        }
        return result
    }
}
