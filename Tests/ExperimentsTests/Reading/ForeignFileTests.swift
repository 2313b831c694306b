import Testing

@testable import Experiments

/// Files that were written for something else, or pasted from a page.
struct ForeignFileTests {
    private func sweep(_ text: String) -> String {
        problems {
            let experiment = try Registry.experiment(named: "tms_5-2")
            _ = try SweepFile.load(yaml: text, source: "s").expand(experiments: [experiment])
        }
    }

    @Test func aSweepFileOfWandBIsToldAsAWhole() {
        let text = """
            program: train.py
            method: grid
            metric: {name: loss, goal: minimize}
            parameters:
              seed: {values: [0, 1]}
            command: ["${env}", "${program}"]
            """
        #expect(
            sweep(text)
                == "s:4:1: parameters: this is a W&B sweep file; put what is below 'parameters:' below 'global:'; "
                + "metric stays where it is; program, command mean nothing here")
        #expect(
            sweep(text.replacing("parameters:", with: "global:")) == """
                s:1:1: program: belongs to W&B's sweep files and means nothing here; leave it out
                s:6:1: command: belongs to W&B's sweep files and means nothing here; leave it out
                """)
        #expect(
            sweep("global: {task_config: {parameters: {feature_probability: {values: [0.1]}}}}")
                == "s:1:24: global.task_config.parameters: W&B's 'parameters' is left out here; put what is below it one "
                + "level higher")
    }

    @Test(arguments: [
        ("defaults: [_self_]\nlr: 1", "s:1:1: defaults: this is a Hydra config; "),
        ("hydra: {sweeper: {params: {lr: '1,2'}}}", "s:1:1: hydra: this is a Hydra config; "),
        (
            "direction: minimize\nn_trials: 10\nparams: {lr: {low: 0.1, high: 1}}",
            "s:1:1: direction: this is a file for Optuna; "
        ),
        (
            "num_samples: 3\nparam_space: {lr: {grid_search: [1]}}",
            "s:1:1: num_samples: this is a file for Ray Tune; "
        ),
        (
            "seml: {executable: a.py}\ngrid: {lr: {type: choice, options: [1]}}",
            "s:1:1: seml: this is an experiment file of"
        ),
        (
            "fixed: {C: 1}\ngrid: {lr: {type: choice, options: [1]}}",
            "s:2:1: grid: this is an experiment file of seml's"
        ),
        ("lr: {_type: loguniform, _value: [1e-5, 0.1]}", "s:1:1: lr: this is a file for NNI; "),
        ("parameters:\n- {name: lr, type: range, bounds: [0.1, 1]}", "s:1:1: parameters: this is a file for Ax; "),
        (
            "algorithm: bayes\nparameters: {lr: {type: float, min: 0.1, max: 1}}",
            "s:1:1: algorithm: this is a file for Comet; "
        ),
        ("lr: loguniform(1e-5, 1.0)\nseed: choices([1, 2])", "s:1:1: lr: this is a file for Oríon; "),
        (
            "a:\n  run: PPO\n  config: {lr: {grid_search: [1e-3, 1e-4]}}", "s:1:1: a: this is a file for Ray Tune; "
        ),
        ("lr: {type: uniform_float, lower: 0.1, upper: 1}", "s:1:1: lr: this is a file for ConfigSpace or SMAC; "),
        (
            "search_space: {lr: {type: uniform, min_value: 0.1, max_value: 1}}",
            "s:1:1: search_space: this is a file for Azure ML"
        ),
        ("train: {flags: {lr: [1e-3, 1e-4]}}", "s:1:1: train: this is a file for Guild; "),
        ("stages: {train: {cmd: a}}", "s:1:1: stages: this is a file for DVC; "),
        ("entry_points: {main: {command: a}}", "s:1:1: entry_points: this is a file for MLflow; "),
        ("studySpec: {parameters: []}", "s:1:1: studySpec: this is a file for Vertex AI; "),
        ("matrix: {kind: grid, params: {lr: 1}}", "s:1:1: matrix: this is a file for Polyaxon; "),
        (
            "wandb_version: 1\nlr: {desc: null, value: 1}",
            "s:1:1: wandb_version: this is W&B's config.yaml of a run"
        ),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:ab", "s:1:1: this is a Git LFS pointer"),
        ("<!DOCTYPE html><html></html>", "s:1:1: this is a web page"),
        ("<?xml version=\"1.0\"?><a/>", "s:1:1: this is an XML file"),
        ("lr,C\n0.1,20\n0.2,40\n", "s:1:1: this is a table (CSV)"),
        ("\"lr\";\"C\"\r\n\"0.1\";\"20\"\r\n", "s:1:1: this is a table (CSV)"),
        ("lr\tC\n0.1\t20\n", "s:1:1: this is a table (CSV)"),
        ("seed = 1\n\n[global]\nlr = [0.1, 0.2]\n", "s:1:1: this is a TOML or INI file"),
        ("; mine\n[global]\nlr = 0.1\n", "s:1:1: this is a TOML or INI file"),
        ("{\"lr\": 1}\n{\"lr\": 2}\n", "s:1:1: these are lines of JSON"),
        ("import numpy as np\nlr = np.logspace(-4, -2)\n", "s:1:1: this is a program"),
        ("#!/bin/bash\n#SBATCH -n 4\nsrun worker\n", "s:3:1: this is a program"),
        ("PK\u{3}\u{4}\u{14}", "s:1:1: this is a file of bytes"),
        ("a: {b: 1, c: 2}\nd: {e: 1, f: 2\n", "s:3:1: not valid YAML"),
        ("matrix: {lr: {values: [1]}}", "s:1:1: matrix: unknown experiment 'matrix'"),
        ("seed: {values: [0]}", "s:1:1: seed: is a parameter; put it below 'global:', or below an experiment's name"),
        ("lr: [1e-3, 2e-3]", "s:1:1: lr: is a parameter; put it below 'global:', or below an experiment's name"),
        (
            minimal,
            "s:1:1: C: this is an experiment's config, not a sweep; name it with --experiments"
        ),
        (
            "global: {loss_configs: [{kind: sparsity, coeff: {values: [1]}}]}",
            "s:1:10: global.loss_configs: unknown parameter 'loss_configs'"
        ),
        ("global: {optimiser: adam}", "s:1:10: global.optimiser: unknown parameter 'optimiser'"),
    ])
    func otherToolsFilesAreRecognised(text: String, message: String) {
        #expect(sweep(text).hasPrefix(message), "\(sweep(text))")
    }

    @Test(arguments: [
        ("global: {lr: {values: [1]}}", "s:1:1: global: this is a sweep file, not an experiment's config"),
        ("method: grid\nparameters: {lr: {values: [1]}}", "s:2:1: parameters: this is a sweep file, not an"),
        (
            "wandb_version: 1\nlr: {desc: null, value: 1}",
            "s:1:1: wandb_version: this is W&B's config.yaml of a run"
        ),
        ("defaults: [a]", "s:1:1: defaults: this is a Hydra config"),
        ("lr,C\n0.1,20\n", "s:1:1: this is a table (CSV)"),
        ("lr = 0.1\nC = 20\n", "s:1:1: this is a TOML or INI file"),
    ])
    func whatIsNoConfigIsToldAsAWhole(text: String, message: String) {
        #expect(problems { _ = try ExperimentConfig.load(yaml: text, source: "s") }.hasPrefix(message))
    }

    @Test(arguments: [
        (
            "global: {lr: {values: [1e\u{2212}4]}}",
            "s:1:24: global.lr.values[0]: found \"1e\u{2212}4\", expected a number > 0; it holds U+2212, minus sign, "
                + "where - is meant"
        ),
        (
            "global: {lr: {values: [\u{A0}2e-3]}}",
            "s:1:24: global.lr.values[0]: found \"\u{A0}2e-3\", expected a number > 0; it holds U+00A0, no-break space, "
                + "instead of a plain space"
        ),
        (
            "global: {lr_schedule: {values: [\u{201C}cosine\u{201D}]}}",
            "it holds U+201C, left double quotation mark, where \" is meant, it holds U+201D, right double quotation mark, "
                + "where \" is meant"
        ),
        ("global: {l\u{200B}r: {values: [1]}}", "it holds U+200B, zero width space, which is invisible: delete it"),
        ("global: {s\u{435}ed: {values: [1]}}", "did you mean seed?; it holds U+0435, cyrillic small letter ie"),
        ("global:\n  lr\u{FF1A} {values: [1]}", "it holds U+FF1A, fullwidth colon, where : is meant"),
        ("global:\n\tlr: {values: [1]}", "line 2 is indented with a tab, YAML allows only spaces"),
    ])
    func charactersThatLookLikeOthersAreNamed(text: String, message: String) {
        #expect(sweep(text).contains(message), "\(sweep(text))")
    }

    @Test(arguments: ["${oc.env:PROJECT}", "\u{201C}spd\u{201D}", "spd\u{A0}"])
    func namesAreTakenOnlyIfSomebodyMeansThem(name: String) {
        let text = minimal + "\nwandb_project: '\(name)'"
        #expect(!problems { _ = try ExperimentConfig.load(yaml: text, source: "s") }.isEmpty)
        #expect(throws: Never.self) {
            try ExperimentConfig.load(yaml: minimal + "\nwandb_project: größe-名", source: "s")
        }
    }

    @Test(arguments: [
        ("distribution: log_uniform, min: 1e-5, max: 1e-2", "1.00001 to 1.01005", "log_uniform_values"),
        ("distribution: log_uniform, min: 0, max: 0.01", "1.0 to 1.01005", "log_uniform_values"),
        ("distribution: q_log_uniform, min: 0.1, max: 1", "1.10517 to 2.71828", "q_log_uniform_values"),
        ("distribution: inv_log_uniform, min: 1e-3, max: 0.1", "0.904837 to 0.999", "inv_log_uniform_values"),
    ])
    func boundsThatAreMeantAsValuesAreDoubted(keys: String, range: String, meant: String) throws {
        let file = try SweepFile.load(yaml: "method: random\nglobal:\n  lr: {\(keys)}", source: "s")
        #expect(
            file.doubts.map(\.description) == [
                "s:3:3: global.lr: draws from \(range), because min and max are logarithms; did you mean \(meant)?"
            ])
    }

    @Test(arguments: [
        ("q_uniform, min: 0.1, max: 0.4", "0", "1", "uniform"),
        ("q_log_uniform_values, min: 1e-4, max: 1e-2", "0", "1", "log_uniform_values"),
        ("q_log_uniform_values, min: 1e-4, max: 1e-2, q: 0.1", "0.0", "0.1", "log_uniform_values"),
    ])
    func aStepThatIsWiderThanTheRangeIsDoubted(keys: String, value: String, step: String, meant: String) throws {
        let file = try SweepFile.load(yaml: "global:\n  lr: {distribution: \(keys)}", source: "s")
        let message =
            "s:2:3: global.lr: draws only \(value), because it rounds to multiples of q, which is \(step); "
            + "write a smaller q, or \(meant), which does not round"
        #expect(file.doubts.map(\.description) == [message])
    }

    @Test(arguments: [
        "distribution: q_uniform, min: 0, max: 4", "distribution: q_uniform, min: 0.1, max: 0.4, q: 0.1",
        "distribution: log_uniform, min: -11.5, max: -4.6", "distribution: log_uniform, min: 0, max: 2",
        "distribution: log_uniform_values, min: 1e-5, max: 1e-2", "distribution: uniform, min: 0.1, max: 0.2",
    ])
    func usualBoundsAreNot(keys: String) throws {
        #expect(try SweepFile.load(yaml: "global: {lr: {\(keys)}}", source: "s").doubts.isEmpty)
    }
}
