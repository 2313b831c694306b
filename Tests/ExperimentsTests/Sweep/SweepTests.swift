import Foundation
import TestFiles
import Testing

@testable import Experiments

struct SweepTests {
    @Test func theFirstParameterVariesSlowest() throws {
        let specs = try expand(
            """
            global:
              seed: {values: [0, 1]}
              lr: {values: [1e-3, 2e-3, 3e-3]}
            """, ["tms_5-2"])
        #expect(specs.map(\.config.seed) == [0, 0, 0, 1, 1, 1])
        #expect(specs.map(\.config.lr) == [1e-3, 2e-3, 3e-3, 1e-3, 2e-3, 3e-3])
        #expect(specs[4].overrides.map(\.path) == ["seed", "lr"])
        #expect(specs[4].overrides.map(\.value) == [.int(1), .number(2e-3)])
    }

    @Test func experimentsFollowInTheOrderOfTheirSelection() throws {
        let specs = try expand("global: {seed: {values: [7, 8]}}", ["resid_mlp1", "tms_5-2"])
        #expect(specs.map(\.experiment) == ["resid_mlp1", "resid_mlp1", "tms_5-2", "tms_5-2"])
        #expect(specs.map(\.config.seed) == [7, 8, 7, 8])
        #expect(specs[0].target == (try Registry.experiment(named: "resid_mlp1").target))
        #expect(specs[0].config.C == 100)
    }

    @Test func anOverridingValueKeepsTheGlobalPlaceAndNewOnesComeAfter() throws {
        let specs = try expand(
            """
            tms_5-2:
              batch_size: {values: [2, 4]}
              task_config:
                feature_probability: {values: [0.2]}
              seed: {values: [5]}
            global:
              seed: {values: [0, 1]}
              task_config:
                feature_probability: {values: [0.1, 0.3]}
                data_generation_type: {values: [exactly_one_active]}
            """, ["tms_5-2", "resid_mlp1"])
        let own = specs.filter { $0.experiment == "tms_5-2" }
        #expect(own.count == 2)
        #expect(
            own[0].overrides.map(\.path) == [
                "seed", "task_config.feature_probability", "task_config.data_generation_type", "batch_size",
            ])
        #expect(own.map(\.config.batchSize) == [2, 4])
        #expect(own.allSatisfy { $0.config.seed == 5 })
        #expect(own.allSatisfy { $0.config.taskConfig.sparseFeatures?.featureProbability == 0.2 })
        #expect(
            own.allSatisfy { $0.config.taskConfig.sparseFeatures?.dataGenerationType == .exactlyOneActive })
        #expect(specs.count == 2 + 4)
    }

    @Test func valuesMayBeNullListsAndText() throws {
        let specs = try expand(
            """
            global:
              recon_coeff: {values: [null, 0.5]}
              target_module_patterns: {values: [[linear1], [linear1, linear2]]}
              sigmoid_type: {values: [hard]}
              task_config.feature_probability: {values: [0.25]}
            """, ["tms_5-2"])
        #expect(specs.map(\.config.reconCoeff) == [nil, nil, 0.5, 0.5])
        #expect(specs.map(\.config.targetModulePatterns.count) == [1, 2, 1, 2])
        #expect(specs.allSatisfy { $0.config.sigmoidType == .hard })
        #expect(specs.allSatisfy { $0.config.taskConfig.sparseFeatures?.featureProbability == 0.25 })
    }

    @Test func anExperimentWithoutParametersRunsOnceAsConfigured() throws {
        let experiment = try Registry.experiment(named: "tms_40-10")
        let specs = try SweepFile.load(yaml: "tms_5-2: {seed: {values: [1]}}", source: "s").expand(
            experiments: [experiment])
        #expect(specs == [SpecDraft(experiment)])
        #expect(specs[0].config == experiment.config)
        #expect(specs[0].overrides.isEmpty)
    }

    @Test func anotherTargetIsLookedUp() throws {
        let specs = try expand(
            "tms_5-2: {pretrained_model_path: {values: ['train:tms_40-10', mine.pth, 'train:tms_5-2']}}",
            ["tms_5-2"])
        #expect(specs.map { $0.target?.training.featureCount } == [40, nil, 5])
    }

    @Test func aSpecIsWhatSettingItsValuesOneByOneGives() throws {
        let experiment = try Registry.experiment(named: "tms_5-2")
        let text =
            "global: {seed: {values: [3, 4]}, lr: {values: [0.5]}, task_config.feature_probability: {values: [1]}}"
        for spec in try expand(text, ["tms_5-2"]) {
            var config = experiment.config
            for override in spec.overrides { config = try config.setting(override.path, to: override.value) }
            #expect(config == spec.config)
        }
    }

    @Test func theShippedSweepsExpand() throws {
        let sweeps = URL(filePath: Checkout.path + "/sweeps")
        let all = try Registry.names.map { name throws in try Registry.experiment(named: name) }
        let quick = try SweepFile.load(path: sweeps.appending(path: "quickstart.yaml").path).expand(
            experiments: [all[0]])
        #expect(quick.count == 4)
        #expect(quick.allSatisfy { $0.config.steps == 20000 && $0.config.printFreq == 1000 })
        #expect(Set(quick.map { "\($0.config.seed) \($0.config.importanceMinimalityCoeff)" }).count == 4)
        let sweep = try SweepFile.load(path: sweeps.appending(path: "sweep_params.yaml").path).expand(
            experiments: all)
        #expect(sweep.filter { $0.experiment == "tms_5-2" }.count == 6)
        #expect(sweep.filter { $0.experiment == "resid_mlp1" }.count == 1)
        #expect(sweep.filter { $0.experiment == "tms_40-10" }.count == 3)

        let search = try SweepFile.load(path: sweeps.appending(path: "random_search.yaml").path).expand(
            experiments: all, sampling: Sampling(count: 30))
        #expect(search.count == 30 * all.count)

        // Users find the experiments beside the sweeps.
        let copy = sweeps.appending(path: "experiments/tms_5-2.yaml").path
        #expect(try Registry.experiment(named: copy).config == all[0].config)
    }

    @Test func tenThousandSpecsExpand() throws {
        let seeds = (0..<10_000).map(String.init).joined(separator: ", ")
        let specs = try expand("global: {seed: {values: [\(seeds)]}}", ["tms_5-2"])
        #expect(specs.map(\.config.seed) == Array(0..<10_000))
    }

    private func expand(_ text: String, _ names: [String]) throws -> [SpecDraft] {
        let experiments = try names.map { name throws in try Registry.experiment(named: name) }
        return try SweepFile.load(yaml: text, source: "s.yaml").expand(experiments: experiments)
    }
}
