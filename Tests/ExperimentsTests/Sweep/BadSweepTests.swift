import Testing

@testable import Experiments

struct BadSweepTests {
    @Test(arguments: [
        ("global:\n  seed: 1", "s:2:3: global.seed: is a bare value; write 'values: [1]'"),
        ("global:\n  seed: [1, 2]", "s:2:3: global.seed: is a bare list; write 'values: [1, 2]'"),
        (
            "global:\n  seed:\n    values: []",
            "s:3:5: global.seed.values: is empty; a parameter needs at least one value"
        ),
        (
            "global:\n  seed:\n    values: 3",
            "s:3:5: global.seed.values: found 3, expected a list such as [3]"
        ),
        (
            "global:\n  seed:\n    values: [1]\n    min: 0",
            "s:4:5: global.seed: has 'min' beside 'values'; a parameter takes 'values: [...]' alone"
        ),
        (
            "global:\n  lr: {vlaues: [1]}",
            "s:2:8: global.lr: 'vlaues' means nothing here; did you mean values?"
        ),
        (
            "global:\n  lr: {among: [1]}",
            "s:2:8: global.lr: 'among' means nothing here; a parameter takes 'values: [...]'"
        ),
        ("global:\n  lr: {}", "s:2:3: global.lr: is an empty mapping; a parameter takes 'values: [...]'"),
        (
            "global:\n  task_config:\n    values: [{task_name: tms}]",
            #"s:3:14: global.task_config.values[0]: found {"task_name": "tms"}, expected a value; "#
                + "name each key inside a parameter separately"
        ),
        (
            "global:\n  task_config: {values: [1]}",
            "s:2:3: global.task_config: holds several keys; name one of them: task_config.task_name, "
                + "task_config.feature_probability, task_config.data_generation_type, task_config.synced_inputs"
        ),
        ("- a", #"s:1:1: found ["a"], expected a mapping of 'global' and experiment names to parameters"#),
        ("{}", "s:1:1: found {}, expected a mapping of 'global' and experiment names to parameters"),
        ("global:", "s:1:1: global: found null, expected a mapping of parameters"),
        (
            "global: {values: [1]}",
            "s:1:10: global: 'values' belongs inside a parameter, such as 'seed: {values: [0, 1]}'"
        ),
        (
            "global: {lr_schedule: {values: [cosin]}}",
            #"s:1:33: global.lr_schedule.values[0]: found "cosin", expected one of linear, constant, cosine, "#
                + "exponential; did you mean cosine?"
        ),
        ("globl: 3", "s:1:1: globl: unknown experiment 'globl'; did you mean global?"),
        ("globl: {seed: {values: [1]}}", "s:1:1: globl: unknown experiment 'globl'; did you mean global?"),
        (
            "tms_5_2: {seed: {values: [1]}}",
            "s:1:1: tms_5_2: unknown experiment 'tms_5_2'; did you mean tms_5-2?"
        ),
        (
            "global: {sede: {values: [1]}}",
            "s:1:10: global.sede: unknown parameter 'sede'; did you mean seed?"
        ),
        (
            "resid_mlp1:\n  task_config:\n    feature_prob: {values: [1]}",
            "s:3:5: resid_mlp1.task_config.feature_prob: unknown parameter 'task_config.feature_prob'; "
                + "did you mean task_config.feature_probability?"
        ),
        (
            "global: {task_config: {max_seq_len: {values: [1]}}}",
            "s:1:24: global.task_config.max_seq_len: is not a parameter of tms_5-2, whose task is tms"
        ),
        (
            "resid_mlp1: {C: {values: [1, 0, x]}}",
            """
            s:1:30: resid_mlp1.C.values[1]: found 0, expected a positive integer (below 2^31)
            s:1:33: resid_mlp1.C.values[2]: found "x", expected a positive integer (below 2^31)
            """
        ),
        (
            "global: {task_config: {task_name: {values: [lm]}}}",
            #"s:1:45: global.task_config.task_name.values[0]: found "lm", expected tms"#
        ),
        (
            "global:\n  seed: {values: [1]}\n  seed: {values: [2]}",
            "s:2:3: the key seed is given twice in one mapping; keep one"
        ),
        (
            """
            global:
              task_config.feature_probability: {values: [1]}
              task_config: {feature_probability: {values: [1]}}
            """,
            "s:3:17: global.task_config.feature_probability: the key task_config.feature_probability is given twice "
                + "in one mapping; keep one"
        ),
        (
            "global: {seed: {values: [0, 1]}, lr_schedule: {values: [cosine, exponential]}}",
            "s:1:34: tms_5-2: lr_schedule: exponential needs lr_exponential_halflife, a number of steps > 0 "
                + #"(with seed: 0, lr_schedule: "exponential" and 1 more combinations)"#
        ),
        (
            "tms_5-2: {pretrained_model_path: {values: ['train:resid_mlp1']}}",
            "s:1:11: tms_5-2: pretrained_model_path: the target is a residual_mlp model, task_name says tms "
                + #"(with pretrained_model_path: "train:resid_mlp1")"#
        ),
        (
            "tms_5-2: {pretrained_model_path: {values: ['train:tms_5-3']}}",
            "s:1:44: tms_5-2.pretrained_model_path.values[0]: no tms_5-3_target.yaml next to the "
                + "experiment and no published target 'tms_5-3'; did you mean tms_5-2?"
        ),
    ])
    func aBadSweepIsToldWithItsPlaceAndPath(text: String, message: String) {
        #expect(told(text) == message)
    }

    @Test func everyProblemIsToldAtOnceInTheOrderOfTheFile() {
        let text = """
            global:
              sede: {values: [1]}
              lr: {values: [0]}
            tms_5-2:
              pnorm: 3
              steps: {values: []}
            tms5: {seed: {values: [1]}}
            """
        #expect(
            told(text) == """
                s:2:3: global.sede: unknown parameter 'sede'; did you mean seed?
                s:3:17: global.lr.values[0]: found 0, expected a number > 0
                s:5:3: tms_5-2.pnorm: is a bare value; write 'values: [3]'
                s:6:11: tms_5-2.steps.values: is empty; a parameter needs at least one value
                s:7:1: tms5: unknown experiment 'tms5'; did you mean tms_5-2?
                """)
    }

    @Test func aGlobalProblemIsToldOnceForAllExperiments() {
        #expect(
            told("global: {lr: {values: [-1]}}", ["tms_5-2", "tms_40-10"])
                == "s:1:24: global.lr.values[0]: found -1, expected a number > 0")
    }

    @Test func aGridThatIsTooLargeIsToldBeforeItIsBuilt() {
        let hundred = "[" + (1...101).map(String.init).joined(separator: ", ") + "]"
        let three = ["seed", "C", "steps"].map { "\($0): {values: \(hundred)}" }.joined(separator: ", ")
        #expect(
            told("global: {\(three)}")
                == "s: the sweep has 1030301 specs, the limit is 1000000; name fewer values")
        let keys = [
            "seed", "C", "steps", "batch_size", "n_eval_steps", "print_freq", "save_freq", "image_freq", "lr",
            "pnorm",
        ]
        let many = keys.map { "\($0): {values: \(hundred)}" }.joined(separator: ", ")
        #expect(
            told("global: {\(many)}")
                == "s: the sweep has more than 9223372036854775807 specs, the limit is 1000000; name fewer values"
        )
    }

    @Test func aBillionCombinationsAreRefusedAtOnce() {
        let thousand = "[" + (1...1000).map(String.init).joined(separator: ", ") + "]"
        let three = ["seed", "C", "steps"].map { "\($0): {values: \(thousand)}" }.joined(separator: ", ")
        let start = ContinuousClock.now
        #expect(
            told("global: {\(three)}")
                == "s: the sweep has 1000000000 specs, the limit is 1000000; name fewer values")
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    private func told(_ text: String, _ names: [String] = ["tms_5-2"]) -> String {
        problems {
            let experiments = try names.map { name throws in try Registry.experiment(named: name) }
            _ = try SweepFile.load(yaml: text, source: "s").expand(experiments: experiments)
        }
    }
}
