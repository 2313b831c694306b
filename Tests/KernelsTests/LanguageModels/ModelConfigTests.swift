import Testing

@testable import Kernels

struct ModelConfigTests {
    private func llama(_ more: [String: ModelConfig.Value]) -> ModelConfig {
        ModelConfig(LanguageScene.Model.llama.config.values.merging(more) { $1 })
    }

    @Test(
        arguments: [
            (["hidden_act": .text("mish")], "hidden_act 'mish' is not supported"),
            (["rope_scaling": .map(["rope_type": .text("yarn")])], "rope type 'yarn' is not supported"),
            (["rope_scaling": .map(["type": .text("dynamic")])], "rope type 'dynamic' is not supported"),
            (
                ["rope_parameters": .map(["full_attention": .map(["rope_theta": .number(100)])])],
                "a rotation for some layers alone ('full_attention') is not supported"
            ),
            (["quantization_config": .map(["quant_method": .text("gptq")])], "quantization_config is not supported"),
            (["vocab_size": .null], "vocab_size is missing"),
            (["hidden_size": .text("8")], "hidden_size should be a whole number of at least 1, but it is \"8\""),
            (["num_key_value_heads": .number(3)], "num_attention_heads 4 is not a multiple of num_key_value_heads 3"),
            (["hidden_size": .number(9)], "hidden_size 9 is not a multiple of num_attention_heads 4"),
            (["architectures": .list([.text("BertModel")])], "BertModel is not supported; these are: LlamaForCausalLM"),
        ] as [([String: ModelConfig.Value], String)])
    func whatIsNotSupportedIsRefusedByItsKey(change: [String: ModelConfig.Value], complaint: String) throws {
        let error = try #require(throws: ModelConfigError.self) { try TransformerShape(config: llama(change)) }
        #expect(error.description.hasPrefix(complaint), "\(error)")
    }

    @Test func theClassThatWasAskedForHasToBeTheModels() throws {
        let config = LanguageScene.Model.llama.config
        for name in [nil, "transformers.AutoModelForCausalLM", "transformers.LlamaForCausalLM", "LlamaForCausalLM"] {
            #expect(try TransformerShape(config: config, className: name).architecture == "LlamaForCausalLM")
        }
        let wrong = ModelConfigError("GPT2LMHeadModel was asked for, but the model is a LlamaForCausalLM")
        #expect(throws: wrong) { try TransformerShape(config: config, className: "transformers.GPT2LMHeadModel") }
        var untold = config
        untold.values["architectures"] = nil
        untold.values["model_type"] = .text("llama")
        #expect(try TransformerShape(config: untold).architecture == "LlamaForCausalLM")
    }

    @Test func windowsAndHeadsHaveTheLibrarysDefaults() throws {
        var mistral = LanguageScene.Model.llama.config
        mistral.values["architectures"] = .list([.text("MistralForCausalLM")])
        mistral.values["num_attention_heads"] = .number(16)
        mistral.values["hidden_size"] = .number(64)
        mistral.values["num_key_value_heads"] = nil
        let shape = try TransformerShape(config: mistral)
        #expect(shape.layers.map(\.attention.window) == [4096, 4096])
        #expect(shape.layers[0].attention.keyValueHeads == 8)
        mistral.values["sliding_window"] = .null
        #expect(try TransformerShape(config: mistral).layers[0].attention.window == nil)
        #expect(try LanguageScene.Model.qwen2.transformer().shape.layers.map(\.attention.window) == [nil, 3])
        #expect(try LanguageScene.Model.gptNeo.transformer().shape.layers.map(\.attention.window) == [nil, 3])
    }

    @Test func linearScalingDividesTheFrequencies() throws {
        let plain = try TransformerShape(config: llama([:]))
        let scaled = try TransformerShape(
            config: llama(["rope_scaling": .map(["type": .text("linear"), "factor": .number(4)])]))
        let (old, new) = try (
            #require(plain.layers[0].attention.rotary), #require(scaled.layers[0].attention.rotary)
        )
        #expect(new.frequencies == old.frequencies.map { $0 / 4 })
    }

    @Test func missingAndMisshapenWeightsAreNamed() throws {
        let whole = try LanguageScene.Model.llama.transformer()
        var weights = whole.weights
        weights["lm_head.weight"] = nil
        #expect(throws: KernelError.missingTensor(name: "lm_head.weight")) {
            try Transformer(shape: whole.shape, weights: weights)
        }
        weights["lm_head.weight"] = Tensor(zeros: [8, 13])
        #expect(throws: KernelError.wrongShape(tensor: "lm_head.weight", found: [8, 13], expected: [13, 8])) {
            try Transformer(shape: whole.shape, weights: weights)
        }
    }
}
