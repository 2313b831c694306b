import Testing

@testable import Experiments

struct RandomSearchTests {
    private static let search = """
        global:
          seed: {values: [0, 1, 2]}
          lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-2}
          C: {distribution: int_uniform, min: 10, max: 40}
          zip: {pnorm: [0.5, 1, 2], importance_minimality_coeff: [1e-3, 2e-3, 3e-3]}
          batch_size: {distribution: q_uniform, min: 512, max: 4096, q: 512}
          task_config.feature_probability: {distribution: normal, mu: 0.5, sigma: 0.05}
          lr_schedule: {values: [constant, cosine], probabilities: [0.25, 0.75]}
        """

    /// These values never change: a sweep file and a seed name the same configs for ever.
    @Test func aSeedGivesTheSameSamplesOnEveryMachine() throws {
        let samples = try expand(Self.search, Sampling(count: 4)).map { spec in
            spec.overrides.map(\.value.json).joined(separator: " ")
        }
        #expect(samples == Self.expected)
    }

    private static let expected = [
        #"1 0.000416259 15 0.5 0.001 2048 0.557714 "cosine""#,
        #"1 0.000285598 11 0.5 0.001 3072 0.425589 "cosine""#,
        #"2 0.000754776 23 1 0.002 1024 0.513256 "cosine""#,
        #"1 0.000246439 12 2 0.003 2048 0.604502 "cosine""#,
    ]

    @Test func fewerSamplesAreTheFirstOfMore() throws {
        let many = try expand(Self.search, Sampling(count: 50, seed: 7))
        #expect(try expand(Self.search, Sampling(count: 9, seed: 7)) == Array(many.prefix(9)))
        #expect(try expand(Self.search, Sampling(count: 50, seed: 7)) == many)
        let other = try expand(Self.search, Sampling(count: 50, seed: 8))
        #expect(zip(many, other).filter { $0.config == $1.config }.isEmpty)
    }

    @Test func aFurtherParameterLeavesTheOthersValuesAlone() throws {
        let few = try expand("global: {lr: {min: 0.1, max: 0.2}}", Sampling(count: 5))
        let more = try expand(
            "global: {pnorm: {min: 0.1, max: 0.2}, lr: {min: 0.1, max: 0.2}}", Sampling(count: 5))
        #expect(few.map(\.config.lr) == more.map(\.config.lr))
        #expect(more.allSatisfy { $0.config.lr != $0.config.pnorm })
    }

    @Test func experimentsDrawTheSameValuesForWhatTheyShare() throws {
        let text = "global: {lr: {min: 0.1, max: 0.2}}\nresid_mlp1: {C: {min: 1, max: 9}}"
        let specs = try expand(text, Sampling(count: 5), ["tms_5-2", "resid_mlp1"])
        #expect(
            specs.map(\.experiment) == Array(repeating: "tms_5-2", count: 5) + Array(repeating: "resid_mlp1", count: 5))
        #expect(specs[..<5].map(\.config.lr) == specs[5...].map(\.config.lr))
    }

    @Test func aZipIsDrawnAsOne() throws {
        let specs = try expand("global: {zip: {C: [10, 20, 30], lr: [1, 2, 3]}}", Sampling(count: 100))
        #expect(specs.allSatisfy { Double($0.config.C) == 10 * $0.config.lr })
        #expect(Set(specs.map(\.config.C)) == [10, 20, 30])
    }

    @Test func anExperimentWithoutParametersRunsOnce() throws {
        let specs = try expand("tms_5-2: {lr: {min: 0.1, max: 0.2}}", Sampling(count: 3), ["tms_5-2", "tms_40-10"])
        #expect(specs.map(\.experiment) == ["tms_5-2", "tms_5-2", "tms_5-2", "tms_40-10"])
    }

    @Test func theMethodMayBeNamed() throws {
        #expect(try expand("method: random\nglobal: {seed: {values: [1, 2]}}", Sampling(count: 3)).count == 3)
        #expect(try expand("method: grid\nglobal: {seed: {values: [1, 2]}}", nil).count == 2)
    }

    @Test(arguments: [
        (
            "global:\n  lr: {min: 0.1, max: 0.2}\n  pnorm: {distribution: normal}",
            "s:2:3: global.lr: is drawn at random, which needs a number of samples: --samples N"
        ),
        (
            "global: {lr_schedule: {values: [constant, cosine], probabilities: [0.25, 0.75]}}",
            "s:1:10: global.lr_schedule: is drawn at random, which needs a number of samples: --samples N"
        ),
        (
            "method: random\nglobal: {lr: {min: 0.1, max: 0.2}}",
            "s:1:1: method: random needs a number of samples: --samples N, or 'run_cap: N'"
        ),
        (
            "method: bays\nglobal: {lr: {values: [0.1]}}",
            "s:1:9: method: unknown method 'bays'; did you mean bayes?"
        ),
        ("method: gird\nglobal: {lr: {values: [0.1]}}", "s:1:9: method: unknown method 'gird'; did you mean grid?"),
    ])
    func withoutSamplesNothingIsDrawn(text: String, message: String) {
        #expect(problems { _ = try expand(text, nil) } == message)
    }

    private static let badSearches: [(text: String, message: String?)] = [
        (
            "method: grid\nglobal: {lr: {values: [0.1]}}",
            "s:1:1: method: grid takes every combination; leave out --samples, or write 'method: random'"
        ),
        (
            "global: {lr: {distribution: unifrom, min: 0.1, max: 1}}",
            "s:1:29: global.lr.distribution: unknown distribution 'unifrom'; did you mean uniform?"
        ),
        (
            "global: {lr: {distribution: beta, a: 0.1}}",
            """
            s:1:35: global.lr: 'a' means nothing here; a parameter takes 'values: [...]'
            s:1:29: global.lr.distribution: unknown distribution 'beta'; known: constant, categorical, uniform, \
            int_uniform, q_uniform, log_uniform, log_uniform_values, q_log_uniform, q_log_uniform_values, \
            inv_log_uniform, inv_log_uniform_values, normal, q_normal, log_normal, q_log_normal
            """
        ),
        (
            "global: {lr: {distribution: uniform, min: 0.1}}",
            "s:1:10: global.lr: lacks 'max'; uniform takes 'min' and 'max'"
        ),
        (
            "global: {lr: {distribution: uniform, min: 0.1, max: 1, mu: 3, sigma: 1}}",
            """
            s:1:56: global.lr: has 'mu', but uniform takes 'min' and 'max'
            s:1:63: global.lr: has 'sigma', but uniform takes 'min' and 'max'
            """
        ),
        (
            "global: {lr: {distribution: q_uniform, value: 0.1, min: 1, max: 2}}",
            "s:1:40: global.lr: has 'value', but q_uniform takes 'min' and 'max', and may have 'q'"
        ),
        ("global: {lr: {mu: 0.1}}", "s:1:10: global.lr: needs 'distribution: normal', or 'values: [...]'"),
        ("global: {lr: {min: 2.5, max: 1.5}}", "s:1:15: global.lr.min: is 2.5, above max, which is 1.5"),
        ("global: {lr: {min: .nan, max: 1.5}}", "s:1:20: global.lr.min: found .nan, expected a finite number"),
        ("global: {lr: {min: 0.5, max: .inf}}", "s:1:30: global.lr.max: found .inf, expected a finite number"),
        ("global: {lr: {min: low, max: 1.5}}", #"s:1:20: global.lr.min: found "low", expected a finite number"#),
        (
            "global: {lr: {distribution: normal, sigma: 0}}",
            "s:1:44: global.lr.sigma: found 0, expected a number > 0"
        ),
        (
            "global: {C: {distribution: int_uniform, min: 0.5, max: 3}}",
            "s:1:46: global.C.min: found 0.5, expected a whole number"
        ),
        (
            "global: {lr: {distribution: log_uniform_values, min: 0, max: 3}}",
            "s:1:54: global.lr.min: found 0, expected a number > 0"
        ),
        (
            "global: {lr: {distribution: log_uniform, min: 0, max: 3000}}",
            "s:1:55: global.lr.max: found 3000, expected an exponent of e from -700 to 700 (log_uniform_values takes the values themselves)"
        ),
        (
            "global: {lr: {min: 0, max: 1}}",
            "s:1:10: global.lr: has whole bounds and takes fractions; write 'distribution: uniform' or 'distribution: int_uniform'"
        ),
        (
            "global: {C: {min: 1.5, max: 7.5}}",
            "s:1:10: global.C: draws fractions, expected a positive integer (below 2^31); use int_uniform, or a distribution whose name begins with q_, and a whole q"
        ),
        ("global: {C: {min: 0, max: 7}}", "s:1:10: global.C.min: draws 0, expected a positive integer (below 2^31)"),
        (
            "global: {task_config.feature_probability: {min: -0.5, max: 7.5}}",
            """
            s:1:10: global.task_config.feature_probability.min: draws -0.5, expected a number from 0 to 1
            s:1:10: global.task_config.feature_probability.max: draws 7.5, expected a number from 0 to 1
            """
        ),
        (
            "global: {sigmoid_type: {min: 0.5, max: 0.75}}",
            "s:1:10: global.sigmoid_type: draws numbers, expected one of normal, hard, leaky_hard, upper_leaky_hard, swish_hard"
        ),
        (
            "global: {lr: {distribution: normal}}",
            "s:1:10: global.lr: 7 of 12 samples draw what the key does not take, the first -0.496753; expected a number > 0"
        ),
        (
            "global: {lr: {values: [1, 2], probabilities: [0.5, 0.4]}}",
            "s:1:31: global.lr.probabilities: add up to 0.9, expected 1"
        ),
        (
            "global: {lr: {values: [1, 2], probabilities: [1.5, -0.5]}}",
            "s:1:31: global.lr.probabilities: found [1.5, -0.5], expected numbers from 0 to 1"
        ),
        (
            "global: {lr: {values: [1, 2], probabilities: [1]}}",
            "s:1:31: global.lr.probabilities: found [1], expected a list of 2 numbers, one for each value"
        ),
        ("global: {lr: {distribution: 3}}", nil),
        ("global: {sede: {min: 1, max: 2}}", "s:1:10: global.sede: unknown parameter 'sede'; did you mean seed?"),
    ]

    @Test(arguments: badSearches)
    func aBadSearchIsToldWithItsPlaceAndPath(text: String, message: String?) {
        let told = problems { _ = try expand(text, Sampling(count: 12)) }
        if let message { #expect(told == message) } else { #expect(!told.isEmpty) }
    }

    @Test func tooManySamplesAreRefusedBeforeAnyIsDrawn() {
        #expect(
            problems { _ = try expand(Self.search, Sampling(count: 1_000_000_000)) }
                == "s: the sweep has 1000000000 specs, the limit is 1000000; take fewer samples")
    }

    @Test func everyMistakeIsToldAtOnce() {
        let text = """
            method: randm
            global:
              lr: {distribution: log_unform_values, min: 1e-4, max: 1e-2}
              C: {min: 40, max: 10}
              zip: {pnorm: [1], seed: [1, 2]}
            tms_5-2:
              stepps: {values: [1]}
            """
        #expect(
            problems { _ = try expand(text, Sampling(count: 3)) } == """
                s:1:9: method: unknown method 'randm'; did you mean random?
                s:3:22: global.lr.distribution: unknown distribution 'log_unform_values'; did you mean log_uniform_values?
                s:4:7: global.C.min: is 40, above max, which is 10
                s:5:21: global.zip.seed: has 2 values, global.zip.pnorm (line 5) has 1 value; lists that vary together are equally long
                s:7:3: tms_5-2.stepps: unknown parameter 'stepps'; did you mean steps?
                """)
    }

    private func expand(
        _ text: String, _ sampling: Sampling?, _ names: [String] = ["tms_5-2"]
    ) throws -> [SpecDraft] {
        let experiments = try names.map { name throws in try Registry.experiment(named: name) }
        return try SweepFile.load(yaml: text, source: "s").expand(experiments: experiments, sampling: sampling)
    }
}
