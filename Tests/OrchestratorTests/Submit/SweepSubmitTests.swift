import Artifacts
import Experiments
import Foundation
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

struct SweepSubmitTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private let search = """
        tms_5-2:
          lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-2}
          seed: {values: [0, 1, 2]}
        """

    private struct Preview: Decodable {
        struct Part: Decodable {
            let experiment: String
            let specs: Int
            let duplicates: Int
            let example: [String: String]
        }
        let specs: Int
        let duplicates: Int
        let experiments: [Part]
    }

    @Test func samplesAreStoredWithWhatTheyDrew() async throws {
        let sweep = try bench.write(search, to: "search.yaml")
        let arguments = ["submit", "--experiments", "tms_5-2", "--sweep", sweep, "--samples", "5"]
        let answer = try await bench.orchestrator(arguments + ["--sweep-seed", "3", "--watch"])
        #expect(answer.code == 0, "\(answer.error)")
        let runs = try await bench.status(of: 1).runs
        #expect(runs.count == 5)
        #expect(Set(runs.compactMap { $0.overrides["lr"] }).count == 5)
        #expect(runs.allSatisfy { $0.overrides.keys.sorted() == ["lr", "seed"] })
        #expect(runs.allSatisfy { (1e-4...1e-2).contains(Double($0.overrides["lr"] ?? "") ?? 0) })

        let again = try await bench.orchestrator(arguments + ["--sweep_seed", "3", "--watch"])
        #expect(again.code == 0, "\(again.error)")
        #expect(try await bench.status(of: 2).runs.map(\.overrides) == runs.map(\.overrides))
        let other = try await bench.orchestrator(arguments + ["--watch"])
        #expect(other.code == 0, "\(other.error)")
        #expect(try await bench.status(of: 3).runs.map(\.overrides) != runs.map(\.overrides))
    }

    /// Several threads write the texts of as many specs.
    @Test func thousandsOfSpecsAreWhatEachIsByItself() throws {
        let numbers = (0..<400).map(String.init).joined(separator: ", ")
        let sweep = try bench.write(
            "global:\n  lr: {values: [0.001, 1e-3, 0.002]}\n  seed: {values: [\(numbers)]}", to: "s.yaml")
        let plan = try SweepPlan(
            experiments: ["tms_5-2,tms_40-10"], sweep: sweep, project: "mine", runs: bench.cache + "/runs")
        #expect(plan.specs.count == 1600 && plan.drafts.count == 1600)
        #expect(plan.parts.map(\.range) == [0..<800, 800..<1600] && plan.parts.map(\.duplicates) == [400, 400])
        for (spec, draft) in zip(plan.specs, plan.drafts) {
            let config = try draft.config.setting("wandb_project", to: .string("mine"))
            #expect(spec.config == config.json() && spec.experiment == draft.experiment)
            #expect(spec.target == draft.target?.canonicalJSON() && spec.steps == draft.config.steps)
        }
        #expect(Set(plan.specs.map { $0.experiment + $0.config }).count == 1600)
        #expect(plan.drafts[801].overrides.map { "\($0.value)" } == ["0.001", "1"])
    }

    @Test func duplicatesAreStoredOnceAndToldOf() async throws {
        let sweep = try bench.write(
            "tms_5-2:\n  lr: {values: [0.001, 1e-3, 0.002]}\n  seed: {values: [0, 1, 0, 2]}", to: "s.yaml")
        let arguments = ["submit", "--experiments", "tms_5-2,tms_40-10", "--sweep", sweep]
        let preview = try await bench.orchestrator(arguments + ["--dry-run"])
        #expect(preview.code == 0, "\(preview.error)")
        #expect(preview.output.contains("6 of 13 specs are duplicates and stored once"))
        let json = try JSONDecoder().decode(
            Preview.self, from: Data(try await bench.orchestrator(arguments + ["--dry-run", "--json"]).output.utf8))
        #expect(json.specs == 7 && json.duplicates == 6)
        #expect(json.experiments.map(\.duplicates) == [6, 0])
        #expect(json.experiments[0].example == ["lr": "0.001", "seed": "0"])

        let submitted = try await bench.orchestrator(arguments + ["--json"])
        #expect(submitted.code == 0, "\(submitted.error)")
        #expect(submitted.output.contains(#""duplicates" : 6"#))
        #expect(try await bench.status(of: 1).runs.count == 7)
        let text = try await bench.orchestrator(arguments)
        #expect(text.output.contains("\n6 of 13 specs are duplicates and stored once\n"))
    }

    @Test func everyMistakeInEveryFileIsToldAtOnce() async throws {
        let own = try bench.write("C: 0", to: "own.yaml")
        let sweep = try bench.write(
            "global:\n  sede: {values: [1]}\nown:\n  lr: {values: [1]}\nontheotherhand:\n  lr: {values: [1]}",
            to: "s.yaml")
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5_2,\(own),tms_40-10", "--sweep", sweep, "--dry-run"])
        #expect(answer.code == 2)
        #expect(answer.output.isEmpty)
        for part in [
            "unknown experiment 'tms_5_2'; did you mean tms_5-2?", "own.yaml:1:4: C: found 0, expected a positive",
            "s.yaml:2:3: global.sede: unknown parameter 'sede'; did you mean seed?",
            "s.yaml:5:1: ontheotherhand: unknown experiment",
        ] {
            #expect(answer.error.contains(part), "\(part)")
        }
        #expect(!answer.error.contains("s.yaml:3"), "a sweep may name an experiment that could not be read")
    }

    @Test func weightsThatCannotBeReadAreToldOnce() async throws {
        let config = try await bench.orchestrator(["experiments", "tms_5-2"]).output
            .replacing("pretrained_model_path: train:tms_5-2", with: "pretrained_model_path: no/such/folder")
        let own = try bench.write(config, to: "own.yaml")
        let sweep = try bench.write("own: {seed: {values: [1, 2, 3]}}", to: "s.yaml")
        let answer = try await bench.orchestrator(["submit", "--experiments", own, "--sweep", sweep, "--dry-run"])
        #expect(answer.code == 2)
        #expect(answer.error.hasSuffix(": pretrained_model_path: there is no \(bench.path)/no/such/folder\n"))
        #expect(answer.error.contains("own.yaml:"))
    }

    @Test func aTargetOfTheUsersOwnIsCheckedAgainstTheConfigAndCostsWhatItSays() async throws {
        let training = try #require(try Registry.experiment(named: "tms_5-2").target).yaml()
        _ = try bench.write(training, to: "target/tms_train_config.yaml")
        let zeros = [("linear1.weight", [2, 5]), ("linear2.weight", [5, 2]), ("linear2.bias", [5])].map {
            ($0, SafeTensors.Array(shape: $1, [Float](repeating: 0, count: $1.reduce(1, *))))
        }
        try SafeTensors(arrays: Dictionary(uniqueKeysWithValues: zeros), metadata: [:])
            .write(to: bench.path + "/target/tms.safetensors")
        let config = try await bench.orchestrator(["experiments", "tms_5-2"]).output
            .replacing("pretrained_model_path: train:tms_5-2", with: "pretrained_model_path: target")
        let own = try bench.write(config, to: "own.yaml")
        let arguments = ["submit", "--experiments", own, "--dry-run"]
        let estimate = try await bench.orchestrator(arguments)
        #expect(estimate.code == 0, "\(estimate.error)")
        #expect(estimate.output.contains("MB in 15 files, and up to"))

        let sweep = try bench.write("own: {target_module_patterns: {values: [[linear3]]}}", to: "s.yaml")
        let wrong = try await bench.orchestrator(arguments + ["--sweep", sweep])
        #expect(wrong.code == 2)
        #expect(
            wrong.error == "orchestrator: \(sweep):1:41: own: target_module_patterns: 'linear3' matches no module; "
                + "the target has linear1, linear2 (with target_module_patterns: [\"linear3\"])\n")
        _ = try bench.write(training + "stepps: 3\n", to: "target/tms_train_config.yaml")
        let unknown = try await bench.orchestrator(arguments)
        #expect(unknown.error.contains("tms_train_config.yaml:"))
        #expect(unknown.error.contains("stepps: unknown key; did you mean steps?"))
    }

    @Test(arguments: [
        (["--samples", "0"], "--samples is 0; it takes 1 to 1000000"),
        (["--samples=-3"], "--samples is -3; it takes 1 to 1000000"),
        (["--samples", "1000000000"], "--samples is 1000000000; it takes 1 to 1000000"),
        (["--samples", "5", "--sweep-seed=-1"], "--sweep-seed is -1; it takes 0 or more"),
    ])
    func wrongSamplesAreTold(options: [String], message: String) async throws {
        let sweep = try bench.write(search, to: "search.yaml")
        let answer = try await bench.orchestrator(["submit", "--sweep", sweep, "--dry-run"] + options)
        #expect(answer.code == 2)
        #expect(answer.error == "orchestrator: \(message) (`orchestrator submit --help` explains the options)\n")
    }

    @Test func aSeedOfNothingIsTold() async throws {
        let sweep = try bench.write("global: {seed: {values: [1, 2]}}", to: "grid.yaml")
        let arguments = ["submit", "--experiments", "tms_5-2", "--dry-run", "--sweep-seed", "1"]
        let answer = try await bench.orchestrator(arguments + ["--sweep", sweep])
        #expect(answer.code == 2)
        #expect(
            answer.error == "orchestrator: --sweep-seed is the seed of samples: give --samples N, or 'method' and "
                + "'run_cap: N' in \(sweep)\n")
        let without = try await bench.orchestrator(arguments)
        #expect(without.error.contains("--sweep-seed is the seed of --samples; give --samples N too"))
    }

    @Test func aSearchIsStoredOpenAndExplained() async throws {
        let sweep = try bench.write(
            """
            method: bayes
            metric: {name: loss/total}
            run_cap: 6
            early_terminate: {type: hyperband, min_iter: 2}
            global: {lr: {min: 0.001, max: 0.01}}
            """, to: "bayes.yaml")
        let arguments = ["submit", "--experiments", "tms_5-2", "--sweep", sweep]
        let preview = try await bench.orchestrator(arguments + ["--dry-run"])
        #expect(preview.output.contains("Would store one job: 6 specs."))
        #expect(
            preview.output.contains(
                "Settings are chosen when an agent takes a run, for low loss/total, based on earlier runs' results."))
        #expect(preview.output.contains("not among the best 1/3 for low loss/total stop early."))
        let wrong = try bench.write("method: bayes\nglobal: {lr: {min: 0.001, max: 0.01}}", to: "wrong.yaml")
        let answer = try await bench.orchestrator(["submit", "--sweep", wrong, "--samples", "5"])
        #expect(answer.code == 2 && answer.error.contains("bayes needs 'metric: {name: loss/total, goal: minimize}'"))
    }

    @Test func samplesNeedASweepAndDistributionsNeedSamples() async throws {
        let without = try await bench.orchestrator(["submit", "--samples", "3", "--dry-run"])
        #expect(without.code == 2)
        #expect(without.error.contains("--samples draws from a sweep file; name it with --sweep"))
        let sweep = try bench.write(search, to: "search.yaml")
        let grid = try await bench.orchestrator(["submit", "--sweep", sweep, "--dry-run"])
        #expect(grid.code == 2)
        #expect(grid.error.contains("search.yaml:2:3: tms_5-2.lr: is drawn at random, which needs a number of samples"))
    }
}
