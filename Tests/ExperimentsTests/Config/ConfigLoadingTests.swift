import Testing

@testable import Experiments

struct ConfigLoadingTests {
    @Test func missingKeysTakeThePublishedDefaults() throws {
        let config = try ExperimentConfig.load(yaml: minimal, source: "my.yaml")
        #expect(config.wandbProject == nil)
        #expect(config.wandbRunNamePrefix == "")
        #expect(config.seed == 0)
        #expect(config.nCIMLPNeurons == 0)
        #expect(config.sigmoidType == .leakyHard)
        #expect(config.faithfulnessCoeff == nil)
        #expect(config.outReconCoeff == nil)
        #expect(!config.isEmbedUnembedRecon)
        #expect(config.lrSchedule == .constant)
        #expect(config.lrWarmupPct == 0)
        #expect(config.imageFreq == nil)
        #expect(config.imageOnFirstStep)
        #expect(config.saveFreq == nil)
        #expect(!config.logCELosses)
        #expect(config.pretrainedModelPath == nil)
        #expect(config.taskConfig.sparseFeatures?.dataGenerationType == .atLeastZeroActive)
    }

    @Test func aJSONConfigAsAReplayFileHoldsItLoads() throws {
        let json = """
            {"wandb_project": null, "wandb_run_name": null, "wandb_run_name_prefix": "", "seed": 0, "C": 12, \
            "n_mask_samples": 1, "n_ci_mlp_neurons": 5, "sigmoid_type": "leaky_hard", \
            "target_module_patterns": ["layers.*.mlp_in", "layers.*.mlp_out"], "faithfulness_coeff": 1.0, \
            "recon_coeff": null, "stochastic_recon_coeff": 1.0, "recon_layerwise_coeff": null, \
            "stochastic_recon_layerwise_coeff": 1.0, "importance_minimality_coeff": 1e-05, \
            "schatten_coeff": null, "out_recon_coeff": 0.0, "embedding_recon_coeff": null, \
            "is_embed_unembed_recon": false, "pnorm": 2.0, "output_loss_type": "mse", "lr": 0.002, \
            "steps": 40, "batch_size": 16, "lr_schedule": "constant", "lr_exponential_halflife": null, \
            "lr_warmup_pct": 0.0, "n_eval_steps": 1, "image_freq": null, "image_on_first_step": true, \
            "print_freq": 10, "save_freq": null, "log_ce_losses": false, \
            "pretrained_model_class": "spd.experiments.resid_mlp.models.ResidualMLP", \
            "pretrained_model_path": null, "pretrained_model_name_hf": null, \
            "pretrained_model_output_attr": null, "tokenizer_name": null, \
            "task_config": {"task_name": "residual_mlp", "feature_probability": 0.15, \
            "data_generation_type": "at_least_zero_active"}}
            """
        let config = try ExperimentConfig.load(yaml: json, source: "replay")
        #expect(config.C == 12)
        #expect(config.importanceMinimalityCoeff == 1e-5)
        #expect(config.taskConfig.name == "residual_mlp")
        #expect(config.json() == json.replacing("1e-05", with: "1.0e-05"))
    }

    @Test(arguments: [
        ("lr: 1e-3", "lr: 3e-3", 3e-3), ("lr: 1e-3", "lr: 2", 2), ("lr: 1e-3", "lr: .5", 0.5),
        ("lr: 1e-3", "lr: 1.", 1), ("lr: 1e-3", "lr: +1.5E+2", 150), ("lr: 1e-3", "lr: !!float 1", 1),
    ])
    func numbersAreReadAsPeopleWriteThem(old: String, new: String, value: Double) throws {
        let text = minimal.replacing(old, with: new)
        #expect(try ExperimentConfig.load(yaml: text, source: "my.yaml").lr == value)
    }

    @Test func integersMayHaveUnderscores() throws {
        let text = minimal.replacing("steps: 100", with: "steps: 40_000")
        #expect(try ExperimentConfig.load(yaml: text, source: "my.yaml").steps == 40_000)
    }

    @Test func theNewerSpellingOfTheResidualTaskIsRead() throws {
        let text = minimal.replacing("task_name: tms", with: "task_name: resid_mlp")
            .replacing("tms.models.TMSModel", with: "resid_mlp.models.ResidualMLP")
        let config = try ExperimentConfig.load(yaml: text, source: "my.yaml")
        #expect(config.taskConfig.name == "residual_mlp")
    }

    @Test func aLanguageModelTaskHasTheDatasetsKeys() throws {
        let text = minimal.replacing("  task_name: tms\n  feature_probability: 0.05", with: "  task_name: lm")
            .replacing("spd.experiments.tms.models.TMSModel", with: "transformers.LlamaForCausalLM")
        let config = try ExperimentConfig.load(yaml: text + "\n  max_seq_len: 256", source: "my.yaml")
        guard let data = config.taskConfig.text else {
            Issue.record("\(config.taskConfig)")
            return
        }
        #expect(data.maxSeqLen == 256)
        #expect(data.bufferSize == 1000)
        #expect(try ExperimentConfig.load(yaml: config.yaml(), source: "again") == config)
    }

    @Test(arguments: [
        (nil, "pretrained_model_path: null"),
        (.train("tms_5-2"), "pretrained_model_path: train:tms_5-2"),
        (.local("runs/a b/model.safetensors"), "pretrained_model_path: runs/a b/model.safetensors"),
        (.local("/x/model.safetensors"), "pretrained_model_path: /x/model.safetensors"),
        (wandb(nil, "spd", "ab12"), "pretrained_model_path: wandb:spd/ab12"),
        (wandb(nil, "spd", "ab12"), "pretrained_model_path: wandb:spd/runs/ab12"),
        (wandb("team", "spd", "ab12"), "pretrained_model_path: wandb:team/spd/ab12"),
        (wandb("team", "spd", "ab12"), "pretrained_model_path: wandb:team/spd/runs/ab12"),
    ])
    func theFormsOfAModelPathAreTold(model: PretrainedModel?, line: String) throws {
        let config = try ExperimentConfig.load(yaml: minimal + "\n" + line, source: "my.yaml")
        #expect(config.pretrainedModelPath == model)
        #expect(try ExperimentConfig.load(yaml: config.yaml(), source: "again") == config)
    }

    private static func wandb(_ entity: String?, _ project: String, _ id: String) -> PretrainedModel? {
        let path = (entity.map { [$0] } ?? []) + [project, id]
        return PretrainedModel("wandb:" + path.joined(separator: "/"))
    }
}
