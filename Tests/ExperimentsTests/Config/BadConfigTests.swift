import Testing

@testable import Experiments

struct BadConfigTests {
    @Test(arguments: [
        ("n_mask_sample: 1", "my.yaml:16:1: n_mask_sample: unknown key; did you mean n_mask_samples?"),
        ("recon-coef: 1", "my.yaml:16:1: recon-coef: unknown key; did you mean recon_coeff?"),
        ("zzzzzzzzz: 1", "my.yaml:16:1: zzzzzzzzz: unknown key"),
        ("c: 1", "my.yaml:16:1: c: unknown key; did you mean C?"),
        ("seed: -1", "my.yaml:16:7: seed: found -1, expected an integer from 0 to 4294967295"),
        ("seed: \"0\"", #"my.yaml:16:7: seed: found "0", expected an integer from 0 to 4294967295"#),
        (
            "save_freq: 0",
            "my.yaml:16:12: save_freq: found 0, expected a positive integer (below 2^31), or null"
        ),
        ("recon_coeff: -1", "my.yaml:16:14: recon_coeff: found -1, expected a number >= 0, or null"),
        ("recon_coeff: .inf", "my.yaml:16:14: recon_coeff: found .inf, expected a number >= 0, or null"),
        ("recon_coeff: 1e999", "my.yaml:16:14: recon_coeff: found .inf, expected a number >= 0, or null"),
        ("lr_warmup_pct: 1.5", "my.yaml:16:16: lr_warmup_pct: found 1.5, expected a number from 0 to 1"),
        ("log_ce_losses: 1", "my.yaml:16:16: log_ce_losses: found 1, expected true or false"),
        (
            "wandb_run_name: 12",
            "my.yaml:16:17: wandb_run_name: found 12, expected a name (text that is not empty), or null"
        ),
        (
            "sigmoid_type: soft",
            #"my.yaml:16:15: sigmoid_type: found "soft", expected one of "#
                + "normal, hard, leaky_hard, upper_leaky_hard, swish_hard"
        ),
        (
            "lr_schedule: exponential",
            "my.yaml:16:1: lr_schedule: exponential needs lr_exponential_halflife, a number of steps > 0"
        ),
        (
            "pretrained_model_path: wandb:spd",
            #"my.yaml:16:24: pretrained_model_path: found "wandb:spd", expected train:<target>, "#
                + "wandb:[entity/]project/runs/id or a path to .safetensors or .pth weights "
                + "or to the folder that holds them, or null"
        ),
    ])
    func aBadLineIsToldWithItsPlaceAndWhatIsAllowed(line: String, message: String) {
        #expect(problems(with: line) == message)
    }

    @Test(arguments: [
        ("C: 20\n", "", "my.yaml:1:1: C: missing; expected a positive integer (below 2^31)"),
        ("C: 20", "C: 0", "my.yaml:1:4: C: found 0, expected a positive integer (below 2^31)"),
        (
            "C: 20", "C: 3000000000",
            "my.yaml:1:4: C: found 3000000000, expected a positive integer (below 2^31)"
        ),
        (
            "4096", "4096.0",
            "my.yaml:9:13: batch_size: found 4096.0, expected a positive integer (below 2^31)"
        ),
        ("4096", "018", #"my.yaml:9:13: batch_size: found "018", expected a positive integer (below 2^31)"#),
        ("lr: 1e-3", "lr: true", "my.yaml:7:5: lr: found true, expected a number > 0"),
        ("lr: 1e-3", "lr: fast", #"my.yaml:7:5: lr: found "fast", expected a number > 0"#),
        ("lr: 1e-3", "lr: '1e-3'", #"my.yaml:7:5: lr: found "1e-3", expected a number > 0"#),
        ("lr: 1e-3", "lr:", "my.yaml:7:4: lr: found null, expected a number > 0"),
        ("lr: 1e-3", "lr: 0", "my.yaml:7:5: lr: found 0, expected a number > 0"),
        ("lr: 1e-3", "lr: .nan", "my.yaml:7:5: lr: found .nan, expected a number > 0"),
        ("pnorm: 1", "pnorm: 0.0", "my.yaml:5:8: pnorm: found 0.0, expected a number > 0"),
        (
            "[linear1, linear2]", "[]",
            "my.yaml:3:25: target_module_patterns: found [], expected a list of at least one module pattern"
        ),
        (
            "[linear1, linear2]", "linear1",
            #"my.yaml:3:25: target_module_patterns: found "linear1", "#
                + "expected a list of at least one module pattern"
        ),
        (
            "[linear1, linear2]", "[1]",
            "my.yaml:3:25: target_module_patterns: found [1], expected a list of at least one module pattern"
        ),
        (
            "task_name: tms", "task_name: mts",
            #"my.yaml:14:14: task_config.task_name: found "mts", expected one of tms, residual_mlp, lm"#
        ),
        (
            "  task_name: tms\n", "",
            "my.yaml:14:3: task_config.task_name: missing; expected one of tms, residual_mlp, lm"
        ),
        (
            "0.05", "1.01",
            "my.yaml:15:24: task_config.feature_probability: found 1.01, expected a number from 0 to 1"
        ),
        (
            "  feature_probability: 0.05", "  feature_probabilty: 0.05",
            """
            my.yaml:15:3: task_config.feature_probabilty: unknown key; did you mean feature_probability?
            my.yaml:14:3: task_config.feature_probability: missing; expected a number from 0 to 1
            """
        ),
        (
            "0.05", "0.05\n  synced_inputs: [[0, 1], [1, 2]]",
            "my.yaml:16:18: task_config.synced_inputs: found [[0, 1], [1, 2]], "
                + "expected disjoint lists of feature indices such as [[0, 1], [2, 3]], or null"
        ),
        (
            "tms.models.TMSModel", "resid_mlp.models.ResidualMLP",
            "my.yaml:12:1: pretrained_model_class: task_name tms goes with "
                + "spd.experiments.tms.models.TMSModel, not spd.experiments.resid_mlp.models.ResidualMLP"
        ),
        ("lr: 1e-3", "lr: 1e-3\nlr: 2e-3", "my.yaml:7:1: the key lr is given twice in one mapping; keep one"),
        ("lr: 1e-3", "lr: !lr 2", "my.yaml:7:5: not valid YAML: the tag !lr means nothing here"),
    ])
    func aReplacedLineIsToldWithItsPlaceAndWhatIsAllowed(old: String, new: String, message: String) {
        #expect(problems(replacing: old, with: new) == message)
    }

    @Test func everyProblemOfAFileIsToldAtOnce() {
        let text = minimal.replacing("C: 20", with: "C: many").replacing("lr: 1e-3", with: "rl: 1e-3")
            .replacing("0.05", with: "5")
        let told = problems { _ = try ExperimentConfig.load(yaml: text, source: "my.yaml") }
        #expect(
            told == """
                my.yaml:1:4: C: found "many", expected a positive integer (below 2^31)
                my.yaml:7:1: rl: unknown key; did you mean lr?
                my.yaml:15:24: task_config.feature_probability: found 5, expected a number from 0 to 1
                my.yaml:1:1: lr: missing; expected a number > 0
                """)
    }

    @Test(arguments: [
        ("", "my.yaml: not valid YAML: it is empty"),
        ("# only a comment", "my.yaml: not valid YAML: it is empty"),
        ("just words", #"my.yaml:1:1: found "just words", expected a mapping of keys"#),
        ("- a\n- b", #"my.yaml:1:1: found ["a", "b"], expected a mapping of keys"#),
        (
            "a: 1\n---\nb: 2",
            "my.yaml:2:1: not valid YAML: expected a single document in the stream but found another document"
        ),
        (
            "C: [1, 2",
            "my.yaml:2:1: not valid YAML: while parsing a flow sequence did not find expected ',' or ']'"
        ),
        ("? [a]\n: 1", "my.yaml:1:3: not valid YAML: a key must be a word"),
        ("C: *nobody", "my.yaml:1:4: not valid YAML: found undefined alias"),
        ("C: \u{1}", "my.yaml:1:4: not valid YAML: control characters are not allowed"),
    ])
    func whatIsNoConfigIsToldAsSuch(text: String, message: String) {
        #expect(problems { _ = try ExperimentConfig.load(yaml: text, source: "my.yaml") } == message)
    }

    @Test func keysFromTheFileReachTheTerminalAsPrintableText() {
        let told = problems(with: #""\e[31mred": 1"#)
        #expect(told == "my.yaml:16:1: \u{FFFD}[31mred: unknown key")
    }
}
