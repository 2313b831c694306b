import Experiments
import Foundation
import Layout
import Runs
import TestFiles
import Testing

/// What `submit --dry-run` says of the disk, beside what runs leave there.
struct DiskUseTests {
    private func bytes(_ plan: RunPlan, where isCounted: (String) -> Bool) throws -> Int {
        let names = try FileManager.default.subpathsOfDirectory(atPath: plan.folder.path)
        return try names.filter(isCounted).reduce(0) { sum, name in
            let attributes = try FileManager.default.attributesOfItem(atPath: plan.folder.path + "/" + name)
            let isFile = attributes[.type] as? FileAttributeType == .typeRegular
            return sum + (isFile ? attributes[.size] as? Int ?? 0 : 0)
        }
    }

    private static let residualTarget = """
        resid_mlp_model_config: {n_features: 60, d_embed: 300, d_mlp: 40, n_layers: 2, act_fn_name: relu, in_bias: false,
          out_bias: false}
        label_type: act_plus_resid
        loss_type: readoff
        feature_probability: 0.05
        batch_size: 32
        steps: 5
        print_freq: 5
        lr: 0.01
        n_batches_final_losses: 1
        """

    private func check(_ plan: RunPlan) throws {
        try Example.perform(plan)
        let target = try #require(plan.target)
        let use = DiskUse(plan.config, target: target, isTracked: false)
        let kept = try bytes(plan) { !$0.hasPrefix("checkpoint") }
        #expect((kept / 2...kept * 2).contains(use.kept), "\(use.kept) for \(kept)")
        let names = try FileManager.default.subpathsOfDirectory(atPath: plan.folder.path)
        // The folder itself, and the log, which the agent writes.
        let inodes = names.filter { !$0.hasPrefix("checkpoint") }.count + 2
        #expect(DiskUse.files(of: plan.config, isTracked: false) == inodes)
        let saved = try bytes(plan) { $0.hasPrefix("checkpoint") }
        #expect((saved / 2...saved * 2).contains(use.checkpoints / 3), "\(use.checkpoints / 3) for \(saved)")
    }

    @Test func aToyModelsRunTakesWhatIsSaid() throws {
        let folder = try TemporaryFolder()
        try check(try Example.plan(folder, run: "rows", steps: 2000))
        try check(try Example.plan(folder, run: "models", steps: 200, extra: "save_freq: 4"))
        try check(try Example.plan(folder, run: "figures", steps: 10, extra: "image_freq: 5"))
    }

    @Test func aResidualMLPsRunTakesWhatIsSaid() throws {
        let folder = try TemporaryFolder()
        var plan = try Example.plan(folder)
        plan.target = try TargetConfig.load(yaml: Self.residualTarget, source: "target")
        let text = Example.config(steps: 4, extra: "image_freq: 4")
            .replacing("[linear1, linear2]", with: "['layers.*']").replacing("C: 6", with: "C: 80")
            .replacing("tms.models.TMSModel", with: "resid_mlp.models.ResidualMLP")
            .replacing("task_name: tms", with: "task_name: residual_mlp")
        plan.config = try ExperimentConfig.load(yaml: text, source: "test")
        try check(plan)
    }
}
