import Testing

@testable import Experiments

/// What no agent could run is told by key before it is stored.
struct FeasibilityTests {
    private func obstacles(_ extra: String, replacing old: String = "", with new: String = "") throws -> [String] {
        let text = (old.isEmpty ? minimal : minimal.replacing(old, with: new)) + "\n" + extra
        let config = try ExperimentConfig.load(yaml: text, source: "my.yaml")
        let target = try Registry.experiment(named: "tms_5-2").target
        return config.obstacles(decomposing: config.target == nil ? nil : target).map { "\($0.key): \($0.reason)" }
    }

    @Test func aToyModelCanBeDecomposed() throws {
        #expect(try obstacles("pretrained_model_path: train:tms_5-2").isEmpty)
    }

    @Test func aConfigWithoutATargetCannot() throws {
        let told = try obstacles("pretrained_model_path: null")
        #expect(told.count == 1)
        #expect(told.first?.hasPrefix("pretrained_model_path: null; there is no target to decompose. Expected") == true)
    }

    @Test func anEmbeddingsLossNeedsAnEmbedding() throws {
        let told = try obstacles("pretrained_model_path: train:tms_5-2\nembedding_recon_coeff: 1")
        #expect(
            told == [
                "embedding_recon_coeff: needs exactly one decomposed module, of the kind Embedding; a tms target has "
                    + "no embedding module that is decomposed. Leave it null"
            ])
    }

    @Test func aSweepsValuesAreCheckedWithTheRest() throws {
        let text = "global: {embedding_recon_coeff: {values: [null, 1]}}"
        let sweep = try SweepFile.load(yaml: text, source: "s")
        let experiment = try Registry.experiment(named: "tms_5-2")
        let told = problems { _ = try sweep.expand(experiments: [experiment]) }
        #expect(told.hasPrefix("s:1:10: tms_5-2: embedding_recon_coeff: needs exactly one decomposed module"))
        #expect(told.contains("(with embedding_recon_coeff: 1)"))
    }

    @Test func aTargetOfAnotherKindIsTold() throws {
        let config = try ExperimentConfig.load(
            yaml: minimal + "\npretrained_model_path: x.pth", source: "my.yaml")
        let target = try Registry.experiment(named: "resid_mlp1").target
        #expect(
            config.obstacles(decomposing: target).map(\.reason) == [
                "the target is a residual_mlp model, task_name says tms"
            ])
    }
}

struct LanguageModelConfigTests {
    private func conflicts(replacing old: String, with new: String) throws -> [String] {
        let text = try Registry.yaml(named: "ss_emb").replacing(old, with: new)
        return try ExperimentConfig.load(yaml: text, source: "my.yaml").conflicts(decomposing: nil).map(\.key)
    }

    @Test(arguments: [
        (
            "ss_emb",
            "lm_nmasks1_stochreconlayer1.00e+00_p2.00e+00_impmin1.00e-06_C100_sd0_lr1.00e-04_bs4_"
                + "_pretrainedSimpleStories/SimpleStories-1.25M_seq512"
        ),
        (
            "ts",
            "lm_nmasks1_stochreconlayer1.00e+00_p2.00e+00_impmin1.00e-06_C100_sd0_lr1.00e-04_bs4_"
                + "_pretrainedroneneldan/TinyStories-1M_seq2048"
        ),
    ])
    func aRunIsNamedAsPublished(experiment: String, name: String) throws {
        #expect(try Registry.experiment(named: experiment).config.runName(target: nil) == name)
    }

    @Test func thePublishedExperimentsAreReachedByNameAndRunOnlySo() throws {
        #expect(!Registry.names.contains("ss_emb"))
        #expect(Registry.allNames.suffix(3) == ["lm_small", "ss_emb", "ts"])
        #expect(try Registry.experiment(named: "ts").config.target == .hub("roneneldan/TinyStories-1M"))
        let small = try Registry.experiment(named: "lm_small")
        #expect(small.target?.kind == .languageModel)
        #expect(small.config.conflicts(decomposing: small.target).isEmpty)
    }

    @Test(arguments: [
        (
            "pretrained_model_output_attr: logits", "pretrained_model_output_attr: hidden",
            "pretrained_model_output_attr"
        ),
        (
            "pretrained_model_name_hf:", "pretrained_model_path: folder\npretrained_model_name_hf:",
            "pretrained_model_name_hf"
        ),
        ("pretrained_model_name_hf:", "pretrained_model_path: wandb:a/b\nwandb_run_name:", "pretrained_model_path"),
        ("pretrained_model_name_hf:", "wandb_run_name:", "pretrained_model_path"),
    ])
    func whatCannotBeIsToldByItsKey(old: String, new: String, key: String) throws {
        #expect(try conflicts(replacing: old, with: new) == [key])
    }

    @Test func aClassThatIsNotSupportedIsToldWithThoseThatAre() throws {
        let text = try Registry.yaml(named: "ss_emb")
            .replacing("transformers.LlamaForCausalLM", with: "transformers.LlamaForCausaLM")
        let told = problems { _ = try ExperimentConfig.load(yaml: text, source: "my.yaml") }
        #expect(told.contains("transformers.GPTNeoXForCausalLM, not transformers.LlamaForCausaLM"))
        #expect(told.hasSuffix("did you mean transformers.LlamaForCausalLM?"))
    }

    @Test func aSmallLlamasHeadsMustFit() throws {
        let text = try Registry.experiment(named: "lm_small").target?.yaml()
            .replacing("num_attention_heads: 4", with: "num_attention_heads: 5")
        let told = problems { _ = try TargetConfig.load(yaml: text ?? "", source: "t") }
        #expect(told.contains("lm_model_config.num_attention_heads: hidden_size 64 does not fall into 5 heads"))
    }
}
