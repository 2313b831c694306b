import Metrics
import Testing

@testable import Kernels

/// A small language model of some architecture and what is decomposed of it.
struct LanguageScene: CustomTestStringConvertible, Sendable {
    var model: Model
    var patterns: [String]
    var coefficients = Scene.allLosses
    var gateNeurons = 0
    var outputLoss = OutputLoss.kl
    var sigmoid = Sigmoid.normal
    var maskSamples = 1
    var rows = 2
    var length = 5
    var subcomponents = 3
    var judgesEmbeddingsUnembedded = false
    var vocabulary = 13

    enum Model: String, Sendable, CaseIterable {
        case llama, tiedLlama, deepLlama, qwen2, gptNeo, gpt2, parallelNeoX, sequentialNeoX

        /// Width 8, two layers (the deep one: five), two heads, 13 tokens.
        var config: ModelConfig {
            let llama: [String: ModelConfig.Value] = [
                "vocab_size": .number(13), "hidden_size": .number(8), "intermediate_size": .number(12),
                "num_hidden_layers": .number(2), "num_attention_heads": .number(4), "num_key_value_heads": .number(2),
            ]
            func relative(_ name: String, _ more: [String: ModelConfig.Value]) -> ModelConfig {
                ModelConfig(llama.merging(more) { $1 }.merging(["architectures": .list([.text(name)])]) { $1 })
            }
            func neoX(isParallel: Bool) -> ModelConfig {
                ModelConfig([
                    "architectures": .list([.text("GPTNeoXForCausalLM")]), "vocab_size": .number(13),
                    "hidden_size": .number(8), "intermediate_size": .number(10), "num_hidden_layers": .number(2),
                    "num_attention_heads": .number(2), "rotary_pct": .number(0.5),
                    "use_parallel_residual": .bool(isParallel),
                ])
            }
            switch self {
            case .llama: return relative("LlamaForCausalLM", ["attention_bias": .bool(true), "mlp_bias": .bool(true)])
            case .tiedLlama: return relative("LlamaForCausalLM", ["tie_word_embeddings": .bool(true)])
            case .deepLlama: return relative("LlamaForCausalLM", ["num_hidden_layers": .number(5)])
            case .qwen2:
                return relative(
                    "Qwen2ForCausalLM",
                    [
                        "use_sliding_window": .bool(true), "sliding_window": .number(3),
                        "max_window_layers": .number(1),
                    ])
            case .gptNeo:
                return ModelConfig([
                    "architectures": .list([.text("GPTNeoForCausalLM")]), "vocab_size": .number(13),
                    "hidden_size": .number(8), "num_layers": .number(2), "num_heads": .number(2),
                    "attention_types": .list([.list([.list([.text("global"), .text("local")]), .number(1)])]),
                    "window_size": .number(3), "max_position_embeddings": .number(600),
                    "intermediate_size": .number(12),
                ])
            case .gpt2:
                return ModelConfig([
                    "architectures": .list([.text("GPT2LMHeadModel")]), "vocab_size": .number(13), "n_embd": .number(8),
                    "n_layer": .number(2), "n_head": .number(2), "n_positions": .number(8),
                ])
            case .parallelNeoX: return neoX(isParallel: true)
            case .sequentialNeoX: return neoX(isParallel: false)
            }
        }

        func transformer(seed: Int = 1, vocabulary: Int = 13) throws -> Transformer {
            var config = config
            config.values["vocab_size"] = .number(Double(vocabulary))
            let shape = try TransformerShape(config: config)
            var numbers = Numbers(seed: UInt64(seed))
            var weights: StateDict = [:]
            for weight in shape.weights {
                let isNorm = weight.name.contains("norm") || weight.name.contains("ln_")
                let range: Range<Float> = isNorm && weight.name.hasSuffix("weight") ? 0.7..<1.3 : -0.6..<0.6
                weights[weight.name] = numbers.tensor(weight.shape, range)
            }
            return try Transformer(shape: shape, weights: weights)
        }
    }

    static var embeddingLoss: LossCoefficients {
        var result = LossCoefficients(importanceMinimality: 0.3)
        result[.embeddingRecon] = 0.9
        return result
    }

    static let all = [
        LanguageScene(model: .llama, patterns: ["*.self_attn.*_proj", "lm_head"], maskSamples: 2),
        LanguageScene(model: .llama, patterns: ["lm_head"], outputLoss: .mse),
        LanguageScene(model: .llama, patterns: ["model.layers.1.mlp.down_proj", "lm_head"], gateNeurons: 3),
        LanguageScene(model: .tiedLlama, patterns: ["model.embed_tokens", "lm_head"], outputLoss: .mse),
        LanguageScene(model: .tiedLlama, patterns: ["*.mlp.*_proj"], gateNeurons: 2, rows: 3, length: 16),
        LanguageScene(model: .deepLlama, patterns: ["model.layers.2.self_attn.k_proj"]),
        LanguageScene(model: .deepLlama, patterns: ["model.layers.1.self_attn.o_proj", "model.layers.3.*.q_proj"]),
        LanguageScene(model: .qwen2, patterns: ["*.k_proj", "*.v_proj", "*.gate_proj"]),
        LanguageScene(model: .gptNeo, patterns: ["transformer.wte", "transformer.wpe"], rows: 3),
        LanguageScene(model: .gptNeo, patterns: ["transformer.wpe", "*.c_fc"], gateNeurons: 2, outputLoss: .mse),
        LanguageScene(model: .gptNeo, patterns: ["*.0.attn.attention.out_proj", "*.1.mlp.c_proj"]),
        LanguageScene(model: .gpt2, patterns: ["transformer.w?e", "lm_head"]),
        LanguageScene(model: .parallelNeoX, patterns: ["*.query_key_value", "*.dense_h_to_4h"]),
        LanguageScene(model: .parallelNeoX, patterns: ["gpt_neox.layers.0.attention.dense", "embed_out"]),
        LanguageScene(model: .parallelNeoX, patterns: ["gpt_neox.embed_in", "*.dense_4h_to_h"], outputLoss: .mse),
        LanguageScene(model: .sequentialNeoX, patterns: ["*.query_key_value", "*.attention.dense", "*.mlp.dense*"]),
        LanguageScene(model: .tiedLlama, patterns: ["model.embed_tokens"], coefficients: embeddingLoss, maskSamples: 2),
        LanguageScene(
            model: .sequentialNeoX, patterns: ["gpt_neox.embed_in"], coefficients: embeddingLoss, gateNeurons: 2,
            judgesEmbeddingsUnembedded: true),
        LanguageScene(model: .gpt2, patterns: ["transformer.wpe"], coefficients: embeddingLoss),
    ]

    var testDescription: String {
        "\(model.rawValue) \(patterns.joined(separator: ",")) N=\(gateNeurons) \(outputLoss.rawValue) \(rows)x\(length)"
            + (coefficients[.embeddingRecon] == nil ? "" : " embedding_recon")
    }

    var settings: DecompositionSettings {
        var settings = DecompositionSettings(
            subcomponents: subcomponents, maskSamples: maskSamples, gateNeurons: gateNeurons, sigmoid: sigmoid,
            modulePatterns: patterns, coefficients: coefficients, pnorm: 2, outputLoss: outputLoss, steps: 10,
            batchSize: rows, learningRate: LearningRate(peak: 1e-2), seed: 5)
        settings.judgesEmbeddingsUnembedded = judgesEmbeddingsUnembedded
        return settings
    }

    func decomposition(threads: Int = 1, logsCrossEntropy: Bool = true) throws -> LanguageDecomposition {
        try LanguageDecomposition(
            target: model.transformer(vocabulary: vocabulary),
            tokens: RandomTokens(rows: rows, length: length, vocabulary: Int32(vocabulary)),
            settings: settings, logsCrossEntropy: logsCrossEntropy, threads: threads)
    }
}

/// Repeatable batches of arbitrary tokens.
struct RandomTokens: TokenSource {
    let rows: Int
    let length: Int
    let vocabulary: Int32

    func batch(at step: Int) -> TokenBatch {
        var numbers = Numbers(seed: UInt64(step) + 77)
        return TokenBatch(
            rows: rows, length: length,
            tokens: (0..<rows * length).map { _ in Int32.random(in: 0..<vocabulary, using: &numbers) })
    }

    func evaluationBatch(_ index: Int) -> TokenBatch? { index < 3 ? batch(at: 1000 + index) : nil }
}
