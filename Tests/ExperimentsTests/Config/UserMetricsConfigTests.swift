import Testing
import UserMetrics

@testable import Experiments

struct UserMetricsConfigTests {
    private let metrics = """
        user_metrics:
          "alive/{m}": {for: "linear*", is: "sum(any(ci[m] > 0.1, dim=0))"}
          tie: "norm(V['linear1'] - U['linear2'].T)"
        """

    @Test func theyArePartOfTheConfigAndOnlyWhereThereAreSome() throws {
        let config = try ExperimentConfig.load(yaml: minimal + "\n" + metrics, source: "my.yaml")
        #expect(
            config.json().contains(
                #""user_metrics": {"alive/{m}": {"for": "linear*", "is": "sum(any(ci[m] > 0.1, dim=0))"}, "tie": "norm("#
            ))
        #expect(try ExperimentConfig.load(yaml: config.yaml(), source: "again") == config)
        let plain = try ExperimentConfig.load(yaml: minimal, source: "my.yaml")
        #expect(plain != config && !plain.json().contains("user_metrics"))
        #expect(try config.setting("user_metrics", to: .null) == plain)
    }

    @Test(arguments: [
        ("user_metrics: 3", "my.yaml:16:15: user_metrics: found 3, expected a mapping of names to expressions"),
        (
            "user_metrics: {a: \"meen(ci['linear1'])\"}",
            "my.yaml:16:19: user_metrics.a: unknown function 'meen'; did you mean mean?"
        ),
        (
            "user_metrics: {a: \"1 + cii['x']\"}",
            "my.yaml:16:19: user_metrics.a: unknown name 'cii'; did you mean ci?; at character 5: cii['x']"
        ),
        ("user_metrics: {a.b: step}", "my.yaml:16:16: user_metrics.a.b: a metric's name is made of letters, "),
        ("user_metrics: {\"a/{m}\": step}", "my.yaml:16:16: user_metrics.a/{m}: {m} in a name needs 'for', "),
        ("user_metrics: {a: {fro: x, is: step}}", "my.yaml:16:20: user_metrics.a.fro: unknown key; did you mean for?"),
        ("user_metrics: {a: {for: x}}", "my.yaml:16:16: user_metrics.a.is: missing; expected an expression in quotes"),
        ("user_metrics: {a: 5}", "my.yaml:16:19: user_metrics.a: found 5, expected an expression in quotes"),
        (
            "user_metrics: {seconds: step}",
            "my.yaml:16:16: user_metrics.seconds: 'seconds' is reserved for observers' time"
        ),
    ])
    func mistakesAreToldWithTheirPlace(text: String, expected: String) {
        #expect(problems(with: text).hasPrefix(expected), "\(problems(with: text))")
    }

    @Test func aSweepGivesThemAsOneMappingOrAsSeveral() throws {
        func metrics(_ text: String) throws -> [[String]] {
            try SweepFile.load(yaml: text, source: "s")
                .expand(experiments: [Registry.experiment(named: "tms_5-2")]).map { $0.config.userMetrics.map(\.text) }
        }
        #expect(
            try metrics("tms_5-2:\n  user_metrics: {a: step, values: \"2\"}\n  seed: {values: [0, 1]}") == [
                ["step", "2"], ["step", "2"],
            ])
        #expect(
            try metrics("tms_5-2:\n  zip: {user_metrics: [{a: step}, null], seed: [1, 2]}") == [["step"], []])
        #expect(
            try metrics("global:\n  user_metrics:\n    values: [{a: step}, {b: \"2\", c: \"3\"}]") == [
                ["step"], ["2", "3"],
            ])
    }

    @Test func aSweepsMistakesAreToldWithTheirPlace() throws {
        func mistakes(_ text: String) -> String {
            problems {
                _ = try SweepFile.load(yaml: text, source: "s").expand(
                    experiments: [Registry.experiment(named: "tms_5-2")])
            }
        }
        #expect(
            mistakes("tms_5-2:\n  user_metrics:\n    a: \"step +\"")
                == "s:3:8: tms_5-2.user_metrics.a: found the end, expected a number, a name or '('; at its end")
        #expect(
            mistakes("tms_5-2:\n  seed: {values: [0, 1]}\n  user_metrics:\n    a: \"sum(V['linear1'] + U['linear1'])\"")
                == "s:4:5: tms_5-2: user_metrics.a: + does not fit (5, 20) and (20, 2); at character 18: + U['linear1'])"
        )
        #expect(
            mistakes("tms_5-2:\n  user_metrics:\n    values: [{a: step}, {a: \"ci['linear3'][0, 0]\"}]")
                == "s:3:26: tms_5-2: user_metrics.a: no decomposed module 'linear3'; did you mean linear1?; "
                + "at character 4: 'linear3'][0, 0]")
        #expect(
            mistakes("tms_5-2:\n  user_metrics:\n    a: \"ci['linear3'][0, 0] + ci['linear1'][0, 0]\"")
                == "s:3:5: tms_5-2: user_metrics.a: no decomposed module 'linear3'; did you mean linear1?; "
                + "at character 4: 'linear3'][0, 0] + ci['l…", "our own ellipsis is no mistake")
        #expect(mistakes("user_metrics: {a: step}").hasPrefix("s:1:1: user_metrics: is a parameter; put it below"))
    }

    @Test func figuresAreReadWrittenAndChecked() throws {
        let text =
            "user_figures: {a: {heatmap: \"V['linear1']\", symmetric: true}, b: {for: \"*\", lines: \"ci[m][0]\"}}"
        let config = try ExperimentConfig.load(yaml: minimal + "\n" + text, source: "my.yaml")
        #expect(
            config.json().contains(
                #""user_figures": {"a": {"heatmap": "V['linear1']", "symmetric": true}, "b": {"lines": "ci[m][0]", "for": "*"}}"#
            ))
        #expect(try ExperimentConfig.load(yaml: config.yaml(), source: "again") == config)
        #expect(
            problems(with: "user_figures: {a: {heatmp: \"step\"}}").hasPrefix(
                "my.yaml:16:16: user_figures.a: expected one of heatmap, histogram, lines, scatter, table; did you mean"
            ))
        #expect(
            problems {
                _ = try SweepFile.load(
                    yaml: "tms_5-2:\n  user_figures: {a: {heatmap: \"ci['linear1'][0]\"}}", source: "s"
                ).expand(experiments: [Registry.experiment(named: "tms_5-2")])
            } == "s:2:18: tms_5-2: user_figures.a: gives (20), and heatmap takes a matrix of up to 1048576 cells")
    }

    @Test func observersAreReadWrittenAndChecked() throws {
        let text = "observers: [{run: ./a.py, needs: [ci, V], every: 20, timeout: 5}]"
        let config = try ExperimentConfig.load(yaml: minimal + "\n" + text, source: "my.yaml")
        #expect(try ExperimentConfig.load(yaml: config.yaml(), source: "again") == config)
        #expect(config.settingObservers(["0f"]).observers.map(\.run) == ["a.py"])
        #expect(
            problems(with: "observers: [{run: a.py, every: 15}]").contains("every is 15, no multiple of print_freq 10"))
        #expect(
            problems(with: "observers: [{run: a.py, neds: [ci]}]").contains(
                "observers.neds: unknown key; did you mean needs?"))
        #expect(problems(with: "observers: [{run: a.py}, {run: b/a.sh}]").contains("two observers are named a"))
    }

    @Test func oneThatCostsMoreThanItsStepsIsRefused() {
        let gram = "ci['linear1'] @ ci['linear1'].T"
        #expect(
            problems {
                _ = try SweepFile.load(
                    yaml: "tms_5-2:\n  print_freq: {values: [1]}\n  user_metrics: {a: \"sum(\(gram))\"}", source: "s"
                ).expand(experiments: [Registry.experiment(named: "tms_5-2")])
            }.contains(
                "user_metrics.a: takes about 387e6 operations a row, and a row's own steps about 50e6; take a slice"))
    }
}
