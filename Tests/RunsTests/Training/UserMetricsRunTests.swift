import Artifacts
import Experiments
import Figures
import Foundation
import Layout
import Runs
import TestFiles
import Testing

struct UserMetricsRunTests {
    private static let metrics = """
        recon_coeff: 0
        out_recon_coeff: 0
        user_metrics:
          masked: "mean((out_masked - target_out) ** 2)"
          unmasked: "mean((out_unmasked - target_out) ** 2)"
          "faithful/{m}": {for: "*", is: "sum((W[m] - (V[m] @ U[m]).T) ** 2)"}
          "l0/{m}": {for: "linear*", is: "sum(ci[m] > 0.01) / 64"}
          upper: "min(ci_upper['linear1'] >= ci['linear1'])"
          sparse: "mean(batch == 0)"
          odd: "1 / (step - 7)"
        """

    private func rows(_ plan: RunPlan) throws -> [[String: Double]] {
        try String(decoding: Example.bytes(plan, "metrics.jsonl"), as: UTF8.self).split(separator: "\n").map {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))
        }
    }

    @Test func aUsersMetricsAreThoseOfTheStepAndChangeNothingElse() throws {
        let folder = try TemporaryFolder()
        let plain = try Example.plan(folder, run: "plain", extra: "recon_coeff: 0\nout_recon_coeff: 0")
        let own = try Example.plan(folder, run: "own", extra: Self.metrics)
        let lines = Lines()
        try Example.perform(plain)
        try Example.perform(own, lines: lines)

        let model = "model_60.safetensors"
        #expect(try Example.bytes(plain, model) == Example.bytes(own, model))
        let (before, after) = (try rows(plain), try rows(own))
        #expect(before == after.map { $0.filter { !$0.key.hasPrefix("user/") } })
        for row in after {
            func isNear(_ a: String, _ b: String, times factor: Double = 1) -> Bool {
                guard let a = row[a], let b = row[b] else { return false }
                return abs(a - b * factor) <= 1e-5 * abs(a) + 1e-12
            }
            #expect(isNear("user/masked", "loss/recon"), "\(row)")
            #expect(isNear("user/unmasked", "loss/output_recon"))
            #expect(isNear("user/l0/linear1", "linear1/ci_l0") && isNear("user/l0/linear2", "linear2/ci_l0"))
            let sum = (row["user/faithful/linear1"] ?? 0) + (row["user/faithful/linear2"] ?? 0)
            // The mean over both matrices of 12 weights each.
            #expect(abs(sum / 24 - (row["loss/faithfulness"] ?? -1)) < 1e-5 * sum)
            #expect(row["user/upper"] == 1 && abs((row["user/sparse"] ?? 0) - 0.8) < 0.1)
        }
        // Once, and missing in that row only.
        #expect(after.map { $0["user/odd"] == nil } == [false, true] + Array(repeating: false, count: 8))
        #expect(lines.all.filter { $0.contains("user/odd is inf at step 7") }.count == 1)
    }

    @Test func aUsersFiguresAreDrawnWithTheOthers() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(
            folder,
            extra: """
                image_freq: 60
                user_figures:
                  products: {heatmap: "V['linear1'] @ U['linear1']", rows: feature, symmetric: true}
                  spread: {for: "*", histogram: "ci[m]", bins: 10}
                  sorted: {lines: "sort(V['linear1'].T)", log: true}
                  both: {scatter: "max(ci['linear1'], dim=0)", x: "max(ci['linear2'], dim=0)"}
                  weights: {table: "W['linear1']"}
                """)
        try Example.perform(plan)
        let pack = try FilePack(contentsOf: plan.folder.figures(step: 60))
        for name in ["products", "spread", "sorted", "both", "weights"] {
            #expect(pack.entries.contains { $0.name == "user_\(name)_60.png" && $0.place.count > 2000 }, "\(name)")
        }
        let both = try #require(
            try DrawnFigures(contentsOf: plan.folder.figures(step: 60)).figures.first { $0.name == "user/both" })
        guard case .plot(let chart) = both.panels[0] else { throw RunError.failed("no plot") }
        #expect(chart.x.label == "max(ci['linear2'], dim=0)", "an axis says what stands on it")
        let numbers = try #require(pack.entries.first { $0.name == "numbers_60.safetensors" })
        let arrays = try SafeTensors(
            bytes: FilePack.bytes(numbers.place, of: plan.folder.figures(step: 60)), source: "numbers"
        ).arrays
        let model = try SafeTensors(contentsOf: plan.folder.model(step: 60)).arrays
        let v = try #require(model["components.linear1.V"]).floats
        let u = try #require(model["components.linear1.U"]).floats
        var product = [Float](repeating: 0, count: 12)
        for place in 0..<12 {
            for c in 0..<6 { product[place] += v[place / 3 * 6 + c] * u[c * 3 + place % 3] }
        }
        let drawn = try #require(arrays["user/products/V['linear1'] @ U['linear1']/values"]).floats
        #expect(zip(product, drawn).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test func aRunThatGoesOnHasTheSameMetricsOfTheUsers() throws {
        let folder = try TemporaryFolder()
        let calm = try Example.plan(folder, run: "calm", extra: Self.metrics)
        let broken = try Example.plan(folder, run: "broken", extra: Self.metrics)
        try Example.perform(calm)
        try Example.perform(broken, stopAfter: 29)
        try Example.perform(broken)
        #expect(try Example.bytes(calm, "metrics.jsonl") == Example.bytes(broken, "metrics.jsonl"))
    }

    @Test func whatDoesNotFitTheTargetIsRefusedBeforeAnyStep() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder, extra: #"user_metrics: {x: "norm(V['linear1'] - U['linear2'])"}"#)
        #expect(
            throws: RunError.invalid(
                "user_metrics.x: - does not fit (4, 6) and (6, 4); at character 19: - U['linear2'])")
        ) { try Example.perform(plan) }
    }

    /// A network computes less than its output where masks cannot change the rest; users see all of it.
    @Test func outputsOfResidualMLPsAreWhole() throws {
        let folder = try TemporaryFolder()
        var plan = try Example.plan(folder, target: Self.residualMLP)
        let config = Example.config(extra: Self.metrics.replacing("linear1", with: "layers.0.mlp_in"))
            .replacing("linear*", with: "*").replacing("[linear1, linear2]", with: #"["layers.*"]"#)
            .replacing("spd.experiments.tms.models.TMSModel", with: "spd.experiments.resid_mlp.models.ResidualMLP")
            .replacing("task_name: tms", with: "task_name: residual_mlp")
        plan.config = try .load(yaml: config, source: "test")
        try Example.perform(plan)
        for row in try rows(plan) {
            let (masked, recon) = (row["user/masked"] ?? -1, row["loss/recon"] ?? 0)
            #expect(abs(masked - recon) <= 1e-4 * recon)
            let (unmasked, all) = (row["user/unmasked"] ?? -1, row["loss/output_recon"] ?? 0)
            #expect(abs(unmasked - all) <= 1e-4 * all)
        }
    }

    private static let residualMLP = """
        resid_mlp_model_config: {n_features: 6, d_embed: 8, d_mlp: 5, n_layers: 2, act_fn_name: relu, in_bias: false, \
        out_bias: false}
        label_type: act_plus_resid
        loss_type: readoff
        use_trivial_label_coeffs: true
        importance_val: 1.0
        fixed_random_embedding: true
        feature_probability: 0.2
        batch_size: 32
        steps: 60
        lr: 0.003
        lr_schedule: constant
        print_freq: 100
        n_batches_final_losses: 1
        seed: 0
        max_seeds: 1
        """
}
