import Testing

@testable import Experiments

struct ZipTests {
    @Test func aZipIsOneAxisOfTheGridInTheOrderOfTheFile() throws {
        let specs = try expand(
            """
            global:
              seed: {values: [0, 1]}
              zip:
                C: {values: [10, 20]}
                lr: {values: [1e-3, 5e-4]}
              pnorm: {values: [1, 2]}
            """)
        #expect(specs.map(\.config.seed) == [0, 0, 0, 0, 1, 1, 1, 1])
        #expect(specs.map(\.config.C) == [10, 10, 20, 20, 10, 10, 20, 20])
        #expect(specs.map(\.config.lr) == [1e-3, 1e-3, 5e-4, 5e-4, 1e-3, 1e-3, 5e-4, 5e-4])
        #expect(specs.map(\.config.pnorm) == [1, 2, 1, 2, 1, 2, 1, 2])
        #expect(specs[0].overrides.map(\.path) == ["seed", "C", "lr", "pnorm"])
    }

    @Test func severalZipsAndNestedAndDottedKeysAndBareListsWork() throws {
        let specs = try expand(
            """
            tms_5-2:
              zip:
                - C: [10, 20]
                  task_config: {feature_probability: [0.1, 0.2]}
                - task_config.data_generation_type: [exactly_one_active, at_least_zero_active]
                  target_module_patterns: [[linear1], [linear1, linear2]]
            """)
        #expect(specs.map(\.config.C) == [10, 10, 20, 20])
        #expect(specs.map { $0.config.taskConfig.sparseFeatures?.featureProbability } == [0.1, 0.1, 0.2, 0.2])
        #expect(specs.map(\.config.targetModulePatterns.count) == [1, 2, 1, 2])
    }

    @Test func anExperimentsOwnValuesReplaceThoseOfAGlobalZip() throws {
        let text = """
            global:
              zip: {C: [10, 20], lr: [1e-3, 5e-4]}
              seed: {values: [0, 1]}
            tms_5-2:
              lr: {values: [0.1]}
            tms_5-2-id:
              zip: {lr: [1, 2, 3], C: [4, 5, 6]}
            """
        let one = try expand(text)
        #expect(one.map(\.config.C) == [10, 10, 20, 20])
        #expect(one.allSatisfy { $0.config.lr == 0.1 })
        let other = try expand(text, ["tms_5-2-id"])
        #expect(other.map(\.config.C) == [4, 4, 5, 5, 6, 6], "it keeps the place of the one it replaces")
        #expect(other.map(\.config.lr) == [1, 1, 2, 2, 3, 3])
    }

    @Test(arguments: [
        (
            "global:\n  zip:\n    C: {values: [10, 20]}\n    lr: {values: [1e-3, 5e-4, 1e-4]}",
            "s:4:5: global.zip.lr: has 3 values, global.zip.C (line 3) has 2 values; lists that vary together are "
                + "equally long"
        ),
        (
            "tms_5-2:\n  zip:\n    - C: [10]\n      lr: [1, 2]",
            "s:4:7: tms_5-2.zip[0].lr: has 2 values, tms_5-2.zip[0].C (line 3) has 1 value; lists that vary "
                + "together are equally long"
        ),
        (
            "global:\n  zip: {C: [10, 20], lr: {min: 0.1, max: 0.2}}",
            "s:2:22: global.zip.lr: is drawn at random; a zip takes lists of equal length"
        ),
        (
            "global:\n  zip: [1]",
            "s:2:9: global.zip[0]: found 1, expected parameters and their lists, such as "
                + "'{C: [10, 20], lr: [1e-3, 5e-4]}'"
        ),
        (
            "global:\n  zip: {}",
            "s:2:3: global.zip: found {}, expected parameters and their lists, such as "
                + "'{C: [10, 20], lr: [1e-3, 5e-4]}'"
        ),
        (
            "global:\n  lr: {values: [1]}\n  zip: {lr: [1, 2], C: [1, 2]}",
            "s:3:9: global.zip.lr: the key lr is given twice in one mapping; keep one"
        ),
        (
            "global:\n  zip: {sede: [1, 2], C: [1, 0]}",
            """
            s:2:9: global.zip.sede: unknown parameter 'sede'; did you mean seed?
            s:2:30: global.zip.C.values[1]: found 0, expected a positive integer (below 2^31)
            """
        ),
        ("global:\n  zip: {C: 1}", "s:2:9: global.zip.C: is a bare value; write 'values: [1]'"),
        ("zip: {C: [1]}", "s:1:1: zip: belongs inside 'global' or an experiment"),
        (
            "parameters: {C: {values: [1]}}",
            "s:1:1: parameters: this is a W&B sweep file; put what is below 'parameters:' below 'global:'"
        ),
    ])
    func aBadZipIsToldWithItsPlaceAndPath(text: String, message: String) {
        #expect(problems { _ = try expand(text) } == message)
    }

    private func expand(_ text: String, _ names: [String] = ["tms_5-2"]) throws -> [SpecDraft] {
        let experiments = try names.map { name throws in try Registry.experiment(named: name) }
        return try SweepFile.load(yaml: text, source: "s").expand(experiments: experiments)
    }
}
