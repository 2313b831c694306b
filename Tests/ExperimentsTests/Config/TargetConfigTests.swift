import Testing

@testable import Experiments

struct TargetConfigTests {
    let toy = """
        tms_model_config: {n_features: 5, n_hidden: 2, n_hidden_layers: 1, tied_weights: true, \
        init_bias_to_zero: false, device: cuda}
        feature_probability: 0.05
        batch_size: 1024
        steps: 10
        lr: 5e-3
        """
    let residual = """
        resid_mlp_config: {n_features: 4, d_embed: 8, d_mlp: 3, n_layers: 1, act_fn_name: gelu, in_bias: true, \
        out_bias: true, apply_output_act_fn: false}
        feature_probability: 0.05
        batch_size: 1024
        steps: 10
        print_freq: 5
        lr: 5e-3
        """

    @Test func missingKeysTakeThePublishedDefaults() throws {
        guard let training = try TargetConfig.load(yaml: toy, source: "t").training as? TMSTrainingConfig else {
            Issue.record("not a toy model")
            return
        }
        #expect(training.lrSchedule == .linear)
        #expect(training.maxSeeds == 32)
        #expect(training.model.device == "cuda")
    }

    @Test func theOlderSpellingOfAResidualModelIsReadAndNotWritten() throws {
        let config = try TargetConfig.load(yaml: residual, source: "r")
        guard let training = config.training as? ResidualMLPTrainingConfig else {
            Issue.record("not a residual MLP")
            return
        }
        #expect(training.model.actFnName == .gelu)
        #expect(training.lrSchedule == .constant)
        #expect(config.yaml().contains("resid_mlp_model_config:\n  n_features: 4\n"))
        #expect(try TargetConfig.load(yaml: config.yaml(), source: "again") == config)
    }

    @Test func bothTheOlderAndTheNewerSpellingTogetherAreRefused() {
        let text = residual + "\nresid_mlp_model_config: {}"
        let told = problems { _ = try TargetConfig.load(yaml: text, source: "r") }
        #expect(
            told == "r:7:1: resid_mlp_model_config: is given twice, once as resid_mlp_config; keep one")
    }

    @Test(arguments: [
        (
            "n_hidden: 2", "n_hiden: 2",
            """
            t:1:35: tms_model_config.n_hiden: unknown key; did you mean n_hidden?
            t:1:19: tms_model_config.n_hidden: missing; expected a positive integer (below 2^31)
            """
        ),
        (
            "lr: 5e-3", "lr: 5e-3\nlr_schedule: exponential",
            #"t:6:14: lr_schedule: found "exponential", expected one of linear, cosine, constant"#
        ),
        ("steps: 10", "steps: 0", "t:4:8: steps: found 0, expected a positive integer (below 2^31)"),
        (
            "lr: 5e-3", "lr: 5e-3\nfixed_identity_hidden_layers: true\nfixed_random_hidden_layers: true",
            "t:7:1: fixed_random_hidden_layers: hidden layers cannot be the identity and random at once; "
                + "set one of the two to false"
        ),
        (
            "tms_model_config", "tms_config",
            "t:1:1: missing; expected a mapping that holds tms_model_config, resid_mlp_model_config or lm_model_config"
        ),
        (
            "n_features: 5", "n_features: 2\n, unused: 1",
            "t:2:3: tms_model_config.unused: unknown key; known: n_features, n_hidden, n_hidden_layers, "
                + "tied_weights, init_bias_to_zero, device"
        ),
        (
            "lr: 5e-3", "lr: 5e-3\nsynced_inputs: [[0, 5]]",
            "t:6:1: synced_inputs: feature 5 does not exist; the target's are 0 to 4"
        ),
    ])
    func aBadToyModelIsTold(old: String, new: String, message: String) {
        let text = toy.replacing(old, with: new)
        #expect(problems { _ = try TargetConfig.load(yaml: text, source: "t") } == message)
    }

    @Test(arguments: [
        (
            "apply_output_act_fn: false", "apply_output_act_fn: true",
            "r:1:141: resid_mlp_config.apply_output_act_fn: found true, expected false (there is no such thing here), "
                + "or null"
        ),
        (
            "lr: 5e-3", "lr: 5e-3\nfixed_identity_embedding: true",
            "r:7:1: fixed_identity_embedding: an identity embedding needs n_features equal to d_embed; "
                + "n_features is 4, d_embed 8"
        ),
        (
            "lr: 5e-3", "lr: 5e-3\nfixed_identity_embedding: true\nfixed_random_embedding: true",
            """
            r:7:1: fixed_identity_embedding: the embedding cannot be random and the identity at once; set one of the \
            two to false
            r:7:1: fixed_identity_embedding: an identity embedding needs n_features equal to d_embed; n_features is \
            4, d_embed 8
            """
        ),
        (
            "lr: 5e-3", "lr: 5e-3\ndata_generation_type: exactly_five_active",
            "r:7:1: data_generation_type: exactly_five_active needs 5 features; the target has 4"
        ),
    ])
    func aBadResidualModelIsTold(old: String, new: String, message: String) {
        let text = residual.replacing(old, with: new)
        #expect(problems { _ = try TargetConfig.load(yaml: text, source: "r") } == message)
    }
}
