public import Artifacts
import Experiments
public import Figures
import Foundation
import JSON
import Kernels
public import Layout
import Targets
public import WandB

/// One run: from its target to its final weights, through interruptions.
///
/// What it writes depends on the plan only: a run that was killed and continues ends with the same bytes as one that
/// was not (same binary, CPU type and threads).
public struct RunExecution {
    private let plan: RunPlan
    private let hooks: RunHooks
    private let tracker: RunTracker
    private let drawingLibraries: [String]

    /// Prepares a run; `tracker` gets what is logged, and the first of `drawingLibraries` that is found draws figures.
    public init(
        _ plan: RunPlan, tracker: RunTracker, hooks: RunHooks,
        drawingLibraries: [String] = Cairo.usualLibraries
    ) {
        self.plan = plan
        self.tracker = tracker
        self.hooks = hooks
        self.drawingLibraries = drawingLibraries
    }

    /// Runs to the end, or until asked to stop.
    ///
    /// - Returns: How it ended; if it was interrupted after its first step, its state is saved.
    /// - Throws: `RunError` with the reason; the last good state is then saved.
    public func perform() throws(RunError) -> RunOutcome {
        do {
            return try performChecked()
        } catch let error as RunError {
            throw error
        } catch let error as KernelError {
            if case .lossNotFinite(let step, _, _) = error {
                // Before the first step nothing has been learned, at whatever rate.
                throw .diverged("\(error); " + (step > 0 ? "a lower lr may help" : "check the target's weights"))
            }
            throw .invalid("\(error)")
        } catch let error as FileError where error.isOutOfRoom {
            throw .outOfRoom("\(error)")
        } catch {
            throw .failed("\(error)")
        }
    }

    private func performChecked() throws -> RunOutcome {
        let config = plan.config
        try plan.folder.create()
        plan.folder.removeUnfinished()
        try DurableFile.write(config.yaml(), to: plan.folder.config, flush: .contents)
        tracker.upload(plan.folder.config, as: "final_config.yaml")
        // A language model's config gives its size before its weights are read.
        let model = try plan.targetFiles.flatMap { path throws(RunError) in
            try RunKinds.of(config.taskConfig.kind).model(in: path, cache: plan.targets.folder.cache)
        }
        if try !isAdmitted(plan.target, model: model) { return .interrupted(step: 0) }
        guard let target = try plan.targets.target(of: plan, hooks: hooks) else {
            return .interrupted(step: 0)
        }
        if plan.target == nil, target.training != nil, try !isAdmitted(target.training, model: nil) {
            return .interrupted(step: 0)
        }
        for file in target.files { tracker.upload(file.path, as: file.name) }
        if let name = plan.config.runName(target: target.training) { tracker.suggest(name: name) }
        let decomposition = try target.decomposition(config, threads: plan.threads)
        let checkpoints = Checkpoints(
            folder: plan.folder, configHash: SHA256.hex(config.canonicalJSON() + target.hash))
        if let state = try checkpoints.newest(refused: hooks.say) {
            try decomposition.restore(state)
            hooks.say("goes on from step \(state.step)")
        }
        let rows = RunRows(
            file: try MetricsFile(path: plan.folder.metrics, from: decomposition.step), tracker: tracker)
        var training = try TrainingLoop(
            plan: plan, hooks: hooks, tracker: tracker, decomposition: decomposition, checkpoints: checkpoints,
            rows: rows, drawingLibraries: drawingLibraries, tokenNames: target.tokenNames)
        return try training.run()
    }

    private func isAdmitted(_ target: TargetConfig?, model: String?) throws(RunError) -> Bool {
        let bytes = try RunMemory.bytes(of: plan.config, training: target, model: model, threads: plan.threads)
        return try bytes.map(hooks.admit) ?? true
    }

    /// Deletes the saved states of a run that is recorded as done.
    ///
    /// - Throws: `FileError` if the folder cannot be listed.
    public static func removeCheckpoints(in folder: RunFolder) throws(FileError) {
        try Checkpoints(folder: folder, configHash: "").removeAll()
    }
}
