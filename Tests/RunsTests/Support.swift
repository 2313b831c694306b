import Experiments
import Foundation
import Layout
import Runs
import Synchronization
import TestFiles
import WandB

/// Lines that were said, from any thread.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

enum Example {
    static let target = """
        tms_model_config: {n_features: 4, n_hidden: 3, n_hidden_layers: 0, tied_weights: true, init_bias_to_zero: false, device: cpu}
        feature_probability: 0.2
        batch_size: 64
        steps: 400
        seed: 0
        lr: 0.02
        lr_schedule: constant
        data_generation_type: at_least_zero_active
        """

    static func config(steps: Int = 60, evalSteps: Int = 1, extra: String = "") -> String {
        """
        wandb_project: null
        C: 6
        n_mask_samples: 1
        n_ci_mlp_neurons: 4
        target_module_patterns: [linear1, linear2]
        faithfulness_coeff: 1
        stochastic_recon_coeff: 1
        stochastic_recon_layerwise_coeff: 1
        importance_minimality_coeff: 0.003
        pnorm: 1
        output_loss_type: mse
        lr: 0.01
        steps: \(steps)
        batch_size: 64
        n_eval_steps: \(evalSteps)
        print_freq: 7
        pretrained_model_class: spd.experiments.tms.models.TMSModel
        pretrained_model_path: train:tiny
        task_config: {task_name: tms, feature_probability: 0.2}
        \(extra)
        """
    }

    /// A plan for a run in a folder of its own, with targets shared below `folder`.
    static func plan(
        _ folder: TemporaryFolder, run: String = "run", steps: Int = 60, evalSteps: Int = 1, extra: String = "",
        target: String = Example.target, checkpointInterval: Duration = .seconds(300)
    ) throws -> RunPlan {
        RunPlan(
            id: run, experiment: "tiny",
            config: try ExperimentConfig.load(
                yaml: config(steps: steps, evalSteps: evalSteps, extra: extra), source: "test"),
            target: try TargetConfig.load(yaml: target, source: "test target"),
            folder: RunFolder(path: folder.path + "/" + run),
            targets: TargetCache(folder: TargetsFolder(path: folder.path + "/targets")),
            threads: 1, checkpointInterval: checkpointInterval)
    }

    /// Performs a plan untracked.
    ///
    /// `stopAfter` asks it to stop when it has looked that often; `ownership` says at each look whose the files are.
    @discardableResult
    static func perform(
        _ plan: RunPlan, stopAfter: Int? = nil, lines: Lines = Lines(),
        ownership: @escaping @Sendable (Int) -> FileOwnership = { _ in .ours },
        drawingLibraries: [String] = ["libcairo.so.2"],
        changing: (inout RunHooks) -> Void = { _ in }
    ) throws -> RunOutcome {
        let counter = Counter()
        let looks = Counter()
        var settings = WandBSettings()
        settings.mode = .disabled
        let tracker = RunTracker(
            run: try RunDescription(id: plan.id, project: "test"), folder: plan.folder.path + "/wandb",
            settings: settings)
        var hooks = RunHooks(
            shouldStop: { stopAfter.map { counter.next() >= $0 } ?? false },
            ownership: { ownership(looks.next()) }, progress: { _ in }, say: { lines.add($0) })
        changing(&hooks)
        return try RunExecution(
            plan, tracker: tracker, hooks: hooks, drawingLibraries: drawingLibraries
        ).perform()
    }

    static func bytes(_ plan: RunPlan, _ name: String) throws -> Data {
        try Data(contentsOf: URL(filePath: plan.folder.path + "/" + name))
    }
}

private final class Counter: Sendable {
    private let count = Atomic(0)

    func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).newValue }
}

extension RunPlan {
    /// The plan with some lines of its config replaced.
    func with(lr: String? = nil, patterns: String? = nil, path: String? = nil) throws -> RunPlan {
        var text = Example.config()
        if let lr { text = text.replacingOccurrences(of: "lr: 0.01", with: "lr: \(lr)") }
        if let patterns { text = text.replacingOccurrences(of: "[linear1, linear2]", with: patterns) }
        if let path { text = text.replacingOccurrences(of: "train:tiny", with: path) }
        var plan = self
        plan.config = try ExperimentConfig.load(yaml: text, source: "test")
        return plan
    }
}
