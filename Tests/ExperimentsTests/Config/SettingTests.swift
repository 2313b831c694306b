import Testing

@testable import Experiments

struct SettingTests {
    let config: ExperimentConfig

    init() throws {
        config = try ExperimentConfig.load(yaml: minimal, source: "my.yaml")
    }

    @Test func aNestedPathSetsOnlyThatKey() throws {
        let changed = try config.setting("task_config.feature_probability", to: .number(0.5))
        #expect(changed.taskConfig.sparseFeatures?.featureProbability == 0.5)
        #expect(try changed.setting("task_config.feature_probability", to: .number(0.05)) == config)
    }

    @Test(
        arguments: [
            ("pnrom", .int(1), "override: pnrom: unknown key; did you mean pnorm?"),
            (
                "task_config.feature_prob", .int(1),
                "override: task_config.feature_prob: unknown key; did you mean task_config.feature_probability?"
            ),
            ("lr.x", .int(1), "override: lr.x: unknown key"),
            ("task_config.max_seq_len", .int(1), "override: task_config.max_seq_len: unknown key"),
            ("lr", .string("x"), #"override: lr: found "x", expected a number > 0"#),
            (
                "task_config.feature_probability", .int(2),
                "override: task_config.feature_probability: found 2, expected a number from 0 to 1"
            ),
            (
                "task_config.task_name", .string("lm"),
                #"override: task_config.task_name: found "lm", expected tms"#
            ),
            (
                "lr_schedule", .string("exponential"),
                "override: lr_schedule: exponential needs lr_exponential_halflife, a number of steps > 0"
            ),
        ] as [(String, ConfigValue, String)])
    func whatTheLoaderRefusesIsRefused(path: String, value: ConfigValue, message: String) {
        #expect(problems { _ = try config.setting(path, to: value) } == message)
    }

    @Test func everyPathOfAConfigCanBeSetToWhatItHolds() throws {
        for path in ExperimentConfig.fields.paths(in: config) {
            let value =
                try #require(ExperimentConfig.fields.field(at: path, in: config)).write(config) ?? .null
            #expect(try config.setting(path, to: value) == config)
        }
    }
}
