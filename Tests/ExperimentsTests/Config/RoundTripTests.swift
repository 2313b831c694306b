import Testing

@testable import Experiments

struct RoundTripTests {
    @Test(arguments: Registry.names)
    func everyPublishedConfigComesBackFromItsYAMLAndJSON(name: String) throws {
        let experiment = try Registry.experiment(named: name)
        let config = experiment.config
        #expect(try ExperimentConfig.load(yaml: config.yaml(), source: "yaml") == config)
        #expect(try ExperimentConfig.load(yaml: config.json(), source: "json") == config)
        #expect(try ExperimentConfig.load(yaml: config.canonicalJSON(), source: "canonical") == config)

        let target = try #require(experiment.target)
        #expect(try TargetConfig.load(yaml: target.yaml(), source: "yaml") == target)
        #expect(try TargetConfig.load(yaml: target.json(), source: "json") == target)
        #expect(try TargetConfig.load(yaml: target.canonicalJSON(), source: "canonical") == target)
    }

    /// A sweep's configs are written key by key: only those that it sets are written anew.
    @Test(arguments: Registry.names)
    func configsThatDifferInFewKeysAreWrittenAsByThemselves(name: String) throws {
        let config = try Registry.experiment(named: name).config
        var writer = ConfigWriter(config)
        #expect(writer.json(config, changing: []) == config.json())
        let values: [(String, ConfigValue)] = [
            ("seed", .int(7)), ("lr", .number(-0.0)), ("lr", .number(0.25)), ("wandb_project", .string("a \"b\", c")),
            ("wandb_project", .null), ("figures", .string("last")), ("steps", .int(12)), ("C", .int(3)),
            ("importance_minimality_coeff", .number(1e-7)), ("task_config.feature_probability", .number(0.5)),
            ("pretrained_model_path", .string("/tmp/there")), ("tokenizer_name", .string("t")),
        ]
        var (all, paths) = (config, [String]())
        for (path, value) in values {
            guard let changed = try? config.setting(path, to: value) else { continue }
            #expect(writer.json(changed, changing: [path]) == changed.json(), "\(path)")
            guard let next = try? all.setting(path, to: value) else { continue }
            all = next
            paths.append(path)
        }
        #expect(paths.count > 5)
        #expect(writer.json(all, changing: paths) == all.json())
    }

    @Test func everyKeyIsWrittenInThePublishedOrder() throws {
        let yaml = try ExperimentConfig.load(yaml: minimal, source: "my.yaml").yaml()
        #expect(
            yaml == """
                wandb_project: null
                wandb_run_name: null
                wandb_run_name_prefix: ""
                seed: 0
                C: 20
                n_mask_samples: 1
                n_ci_mlp_neurons: 0
                sigmoid_type: leaky_hard
                target_module_patterns:
                - linear1
                - linear2
                faithfulness_coeff: null
                recon_coeff: null
                stochastic_recon_coeff: null
                recon_layerwise_coeff: null
                stochastic_recon_layerwise_coeff: null
                importance_minimality_coeff: 0.003
                schatten_coeff: null
                out_recon_coeff: null
                embedding_recon_coeff: null
                is_embed_unembed_recon: false
                pnorm: 1.0
                output_loss_type: mse
                lr: 0.001
                steps: 100
                batch_size: 4096
                lr_schedule: constant
                lr_exponential_halflife: null
                lr_warmup_pct: 0.0
                n_eval_steps: 100
                image_freq: null
                image_on_first_step: true
                print_freq: 10
                save_freq: null
                log_ce_losses: false
                pretrained_model_class: spd.experiments.tms.models.TMSModel
                pretrained_model_path: null
                pretrained_model_name_hf: null
                pretrained_model_output_attr: null
                tokenizer_name: null
                task_config:
                  task_name: tms
                  feature_probability: 0.05
                  data_generation_type: at_least_zero_active

                """)
    }

    @Test func theCanonicalFormIsTheSameHoweverTheFileSaysIt() throws {
        let lines = minimal.replacing("pnorm: 1", with: "pnorm: 1.00").split(separator: "\n")
        let reordered = (lines[12...] + lines[..<12]).joined(separator: "\n") + "\nseed: 0 # as it was"
        let first = try ExperimentConfig.load(yaml: minimal, source: "first")
        let second = try ExperimentConfig.load(yaml: reordered, source: "second")
        #expect(first.canonicalJSON() == second.canonicalJSON())
        #expect(first.canonicalJSON().hasPrefix(#"{"C":20,"batch_size":4096,"embedding_recon_coeff":null,"#))
        let other = try first.setting("seed", to: .int(1))
        #expect(first.canonicalJSON() != other.canonicalJSON())
    }

    @Test(arguments: [
        .leastNonzeroMagnitude, .leastNormalMagnitude, 1e-5, 0.1, 1.0 / 3, 1e15, 1e16, 1.5e300,
        .greatestFiniteMagnitude,
    ])
    func numbersComeBackExactly(number: Double) throws {
        let config = try ExperimentConfig.load(yaml: minimal, source: "my.yaml").setting(
            "lr", to: .number(number))
        #expect(config.lr == number)
        #expect(try ExperimentConfig.load(yaml: config.yaml(), source: "yaml") == config)
        #expect(try ExperimentConfig.load(yaml: config.json(), source: "json") == config)
    }

    @Test func anExponentIsWrittenSoThatPyYAMLReadsANumber() throws {
        let config = try ExperimentConfig.load(yaml: minimal, source: "my.yaml").setting(
            "lr", to: .number(1e-5))
        #expect(config.yaml().contains("lr: 1.0e-05\n"))
    }

    @Test(arguments: [
        "null", "true", "12", "1e-3", "~", "a: b", "- a", "a #b", "", " padded ", "two\nlines", "tab\t",
        "quote\"s",
        "back\\slash", "é ü 名", "😀", "\u{0}", "\u{7F}\u{85}\u{9F}", "\u{2028}\u{FEFF}", "yes", "010", "!x",
        "&x", "*x",
        "%x", "@x", "x:", ":x", "-", "--- x", "{}", "[]", "'", "0x1F", ".inf", "<<", "=",
    ])
    func anyTextComesBackExactly(text: String) throws {
        let config = try ExperimentConfig.load(yaml: minimal, source: "my.yaml")
            .setting("wandb_run_name_prefix", to: .string(text))
            .setting("target_module_patterns", to: .list([.string(text + "x"), .string("layers.*.mlp_in")]))
        #expect(try ExperimentConfig.load(yaml: config.yaml(), source: "yaml") == config)
        #expect(try ExperimentConfig.load(yaml: config.json(), source: "json") == config)
        #expect(config.wandbRunNamePrefix == text)
    }

    @Test func syncedInputsComeBackAndAreWrittenOnlyIfThereAreAny() throws {
        let config = try ExperimentConfig.load(yaml: minimal, source: "my.yaml")
        #expect(!config.yaml().contains("synced_inputs"))
        let synced = try config.setting(
            "task_config.synced_inputs", to: .list([.list([.int(0), .int(1)]), .list([.int(3)])]))
        #expect(synced.taskConfig.sparseFeatures?.syncedInputs == [[0, 1], [3]])
        #expect(synced.yaml().hasSuffix("  synced_inputs:\n  - [0, 1]\n  - [3]\n"))
        #expect(try ExperimentConfig.load(yaml: synced.yaml(), source: "yaml") == synced)
    }
}
