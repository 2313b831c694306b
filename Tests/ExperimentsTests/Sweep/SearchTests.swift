import Search
import Testing

@testable import Experiments

struct SearchTests {
    private static let metric = "metric: {name: loss/total, goal: minimize}\n"
    private static let bayes = "method: bayes\n" + metric

    private func problems(_ text: String, _ sampling: Sampling? = Sampling(count: 5)) -> String? {
        do {
            let experiment = try Registry.experiment(named: "tms_5-2")
            _ = try SweepFile.load(yaml: text, source: "s").expand(experiments: [experiment], sampling: sampling)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func settingsMeanWhatTheyMeanToWandB() throws {
        let text = """
            method: bayes
            metric: {name: loss/total}
            run_cap: 7
            early_terminate: {type: hyperband, min_iter: 3, eta: 2}
            global: {lr: {min: 0.001, max: 0.01}}
            """
        let sweep = try SweepFile.load(yaml: text, source: "s")
        let settings = try #require(sweep.searchSettings)
        #expect(settings.metric == "loss/total" && !settings.isMaximized && settings.choosesConfigs)
        #expect(settings.hyperband?.bands.prefix(3) == [3, 6, 12])
        // W&B's schema fills in strict: true.
        #expect(settings.hyperband?.isStrict == true)
        #expect(try sweep.expand(experiments: [Registry.experiment(named: "tms_5-2")]).count == 7)
        let maximized = try SweepFile.load(
            yaml: "metric: {name: a, goal: maximize}\nearly_terminate: {type: hyperband, max_iter: 27, s: 2}",
            source: "s")
        #expect(maximized.searchSettings?.cost(2) == -2)
        #expect(maximized.searchSettings?.choosesConfigs == false)
        #expect(maximized.searchSettings?.hyperband?.bands == [3, 9])
    }

    @Test func aMetricsTargetAndWhatCountsForRunsWithoutAResultAreRead() throws {
        let text = "metric: {name: loss/total, target: 0.01, impute: latest, impute_while_running: best}\n"
        let settings = try #require(try SweepFile.load(yaml: "method: bayes\n" + text, source: "s").searchSettings)
        #expect(settings.target == 0.01 && settings.impute == .latest && settings.imputeWhileRunning == .best)
        #expect(settings.lines.last == "Once a run has reached loss/total ≤ 0.01, no further ones begin.")
        // A target ends searches of every method.
        #expect(try SweepFile.load(yaml: text, source: "s").searchSettings?.choosesConfigs == false)
        let plain = try SweepFile.load(
            yaml: Self.bayes.replacing("minimize", with: "minimize, impute_while_running: false"), source: "s")
        #expect(plain.searchSettings?.imputeWhileRunning == nil && plain.searchSettings?.target == nil)
    }

    @Test func aRunCapEndsAGridAndASample() throws {
        let experiment = try Registry.experiment(named: "tms_5-2")
        func count(_ text: String, _ sampling: Sampling?) throws -> Int {
            try SweepFile.load(yaml: text, source: "s").expand(experiments: [experiment], sampling: sampling).count
        }
        #expect(try count("run_cap: 2\nglobal: {seed: {values: [1, 2, 3]}}", nil) == 2)
        #expect(try count("run_cap: 9\nglobal: {seed: {values: [1, 2, 3]}}", nil) == 3)
        #expect(try count("method: random\nrun_cap: 4\nglobal: {lr: {min: 0.1, max: 0.2}}", nil) == 4)
        #expect(try count("method: random\nrun_cap: 4\nglobal: {lr: {min: 0.1, max: 0.2}}", Sampling(count: 3)) == 3)
    }

    @Test(arguments: [
        (
            "method: bayes\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:1:1: method: bayes needs 'metric: {name: loss/total, goal: minimize}'"
        ),
        (
            "early_terminate: {type: hyperband, min_iter: 3}\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:1:1: early_terminate: needs 'metric: {name: loss/total, goal: minimize}'"
        ),
        (
            "method: bayes\nmetric: {name: loss/totle}\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:2:10: metric.name: unknown metric 'loss/totle'; did you mean loss/total?"
        ),
        (
            "method: bayes\nmetric: {name: loss/total, gaol: minimize}\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:2:28: metric: unknown key 'gaol'; did you mean goal?"
        ),
        (
            bayes + "global: {lr: {values: [0.1, 0.2]}}",
            "s:3:10: tms_5-2: has 2 combinations for 5 runs; 'method: grid' takes each of them once"
        ),
        (
            bayes + "global: {lr: {value: 0.1}}",
            "s:3:10: tms_5-2: nothing varies for bayes to choose; give a parameter values, or min and max"
        ),
        (
            bayes + "global: {lr: {min: 0.1, max: 0.2}, seed: {values: [1, 2], probabilities: [0.5, 0.5]}}",
            "s:3:36: global.seed: has probabilities, which mean nothing to bayes; leave them out"
        ),
        (
            metric + "early_terminate: {type: hyperbnd, min_iter: 1}\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:2:25: early_terminate.type: found \"hyperbnd\", expected hyperband"
        ),
        (
            metric + "early_terminate: {type: hyperband}\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:2:1: early_terminate: needs 'min_iter', or 'max_iter' and 's'"
        ),
        (
            "metric: {name: loss/total, target: low}\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:1:36: metric.target: found \"low\", expected a number"
        ),
        (
            "metric: {name: loss/total, impute: mean}\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:1:36: metric.impute: found \"mean\", expected best, latest or worst"
        ),
        (
            "metric: {name: loss/total, impute_while_running: true}\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:1:50: metric.impute_while_running: found true, expected best, latest, worst or false"
        ),
        (
            "run_cap: 0\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:1:10: run_cap: found 0, expected a whole number from 1 to 1000000"
        ),
    ])
    func whatIsWrongIsToldWithItsPlace(text: String, message: String) {
        #expect(problems(text) == message)
    }

    @Test func bayesNeedsANumberOfRuns() {
        #expect(
            problems(Self.bayes + "global: {lr: {min: 0.1, max: 0.2}}", nil)
                == "s:1:1: method: bayes needs a number of runs: --samples N, or 'run_cap: N'")
    }

    // MARK: - Choosing

    private let text =
        bayes + "global: {lr: {min: 0.001, max: 0.01}, seed: {values: [0, 1]}, C: {values: [10, 20, 40]}}"

    private func choose(_ number: Int, _ earlier: [(ChosenConfig, Trial.Outcome)]) throws -> ChosenConfig {
        let experiment = try Registry.experiment(named: "tms_5-2")
        let definition = SearchDefinition(
            try SweepFile.load(yaml: text, source: "s"), settings: ["steps=50"], seed: 1)
        return try SearchDefinition(json: definition.json()).choose(
            SearchDefinition.State(
                experiment: "tms_5-2", config: experiment.config.json(), target: experiment.target?.canonicalJSON(),
                number: number, trials: earlier.map { Trial($0.0.point, $0.1) },
                taken: Set(earlier.map(\.0.overrides))))
    }

    private func chosen(_ count: Int) throws -> [(ChosenConfig, Trial.Outcome)] {
        var all: [(ChosenConfig, Trial.Outcome)] = []
        for number in 0..<count {
            let config = try choose(number, all)
            all.append((config, number % 5 == 4 ? .failed : .value(abs(config.point[1] - 0.5))))
        }
        return all
    }

    @Test func configsFollowFromTheResultsAndNoneComesTwice() throws {
        let first = try chosen(12)
        #expect(try chosen(12).map(\.0) == first.map(\.0))
        #expect(Set(first.map(\.0.overrides)).count == 12)
        for (config, _) in first {
            #expect(config.steps == 50)
            _ = try ExperimentConfig.load(yaml: config.config, source: "chosen")
        }
    }

    @Test func theFirstOnesAreWhatARandomSearchDraws() throws {
        let drawn = try SweepFile.setting(["steps=50"], in: SweepFile.load(yaml: text, source: "s")).expand(
            experiments: [Registry.experiment(named: "tms_5-2")], sampling: Sampling(count: 4, seed: 1))
        #expect(try chosen(4).map(\.0.overrides) == drawn.map(\.overridesJSON))
    }
}
