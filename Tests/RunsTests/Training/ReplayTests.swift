import Artifacts
import Foundation
import Runs
import TestFiles
import Testing

/// The published implementation's values, computed from the same numbers.
struct ReplayTests {
    static let fixtures = [
        "tms_5-2_tied", "tms_hidden_all_losses", "resid_mlp_1layer", "resid_mlp_2layer_gelu_bias",
        "lm/lm_llama_embed", "lm/lm_gpt_neo_c_fc", "lm/lm_llama_linears_all_losses", "lm/lm_llama_embedding_recon",
        "lm/lm_gpt_neo_embed_unembed_recon", "lm/lm_gpt_neo_wte_attention_mse",
    ]

    @Test(arguments: fixtures, [1, 2])
    func aReplayAgreesWithThePublishedImplementation(name: String, threads: Int) throws {
        let folder = try TemporaryFolder()
        let out = folder.path + "/result.safetensors"

        try Replay(path: Self.fixture(name), threads: threads).write(to: out)

        let result = try SafeTensors(contentsOf: out)
        let expected = try SafeTensors(contentsOf: Self.fixture(name + ".expected"))
        #expect(Set(result.arrays.keys) == Set(expected.arrays.keys))
        #expect(result.metadata == expected.metadata)
        for (key, wanted) in expected.arrays {
            let found = try #require(result.arrays[key])
            #expect(found.shape == wanted.shape, "\(key)")
            let top = wanted.floats.map(abs).max() ?? 0
            let off = zip(wanted.floats, found.floats).map { abs($0 - $1) }.max() ?? 0
            let tolerance: Float = key.contains(".loss.") || key.contains(".metric.") ? 1e-5 : 1e-4
            #expect(off <= max(tolerance * top, 1e-7), "\(key) is off by \(off), its largest value is \(top)")
        }
    }

    static let forwardFixtures = [
        "gpt2", "gpt_neo_window", "llama3_rope_untied_head_dim", "llama_gqa_tied", "llama_rope_parameters",
        "mistral_window", "pythia", "qwen2",
    ]

    @Test(arguments: forwardFixtures, [1, 2])
    func aModelsLogitsAreThePublishedLibrarys(name: String, threads: Int) throws {
        let folder = try TemporaryFolder()
        let out = folder.path + "/result.safetensors"

        try Replay(path: Self.fixture("lm/\(name).forward"), threads: threads).write(to: out)

        let result = try SafeTensors(contentsOf: out)
        let expected = try #require(
            SafeTensors(contentsOf: Self.fixture("lm/\(name).forward.expected")).arrays["logits"])
        #expect(Array(result.arrays.keys) == ["logits"])
        let found = try #require(result.arrays["logits"])
        #expect(found.shape == expected.shape)
        let top = expected.floats.map(abs).max() ?? 0
        let off = zip(expected.floats, found.floats).map { abs($0 - $1) }.max() ?? 0
        #expect(off <= 2e-5 * top, "off by \(off / (2e-5 * top)) of what is allowed")
    }

    @Test(arguments: [
        ("steps", "x", "its number of steps is not a number"),
        (
            "target_class", "cnn",
            "its target_class is 'cnn'; these are known: tms, residual_mlp, LlamaForCausalLM, MistralForCausalLM, "
                + "Qwen2ForCausalLM, GPTNeoForCausalLM, GPT2LMHeadModel, GPTNeoXForCausalLM"
        ),
        ("format", "spd-replay-9", "its metadata do not say format spd-replay-1 or spd-forward-1"),
    ])
    func aReplayThatCannotBeReadSaysWhy(key: String, value: String, reason: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/given.safetensors"
        var file = try SafeTensors(contentsOf: Self.fixture("tms_5-2_tied"))
        file.metadata[key] = value
        try file.write(to: path)

        #expect(throws: RunError.invalid("\(path): \(reason)")) { try Replay(path: path, threads: 1) }
    }

    @Test func aReplayWithoutAMasksNumbersSaysWhichAreMissing() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/given.safetensors"
        var file = try SafeTensors(contentsOf: Self.fixture("tms_5-2_tied"))
        file.arrays["step1.uniform.stochastic_recon.0.linear2"] = nil
        try file.write(to: path)
        let replay = try Replay(path: path, threads: 1)

        let missing = "the replay lacks 'step1.uniform.stochastic_recon.0.linear2'"
        #expect(throws: RunError.invalid(missing)) {
            try replay.write(to: folder.path + "/result.safetensors")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/result.safetensors"))
    }

    private static func fixture(_ name: String) -> String {
        Checkout.fixture("oracle/\(name).safetensors")
    }
}
