public import Artifacts
import Experiments
public import Figures
import Kernels
public import WandB

/// One run: from its target to its final weights, through interruptions.
///
/// What it writes depends on the plan only: a run that was killed and goes on ends with the same bytes as one that was
/// not (same binary, CPU type and threads).
public struct Run {
    private let plan: RunPlan
    private let surroundings: RunSurroundings
    private let tracker: RunTracker
    private let drawingLibraries: [String]

    /// Prepares a run; `tracker` gets what is logged, and the first of `drawingLibraries` that is found draws figures.
    public init(
        _ plan: RunPlan, tracker: RunTracker, surroundings: RunSurroundings,
        drawingLibraries: [String] = Cairo.usualLibraries
    ) {
        self.plan = plan
        self.tracker = tracker
        self.surroundings = surroundings
        self.drawingLibraries = drawingLibraries
    }

    /// Runs to the end, or until asked to stop.
    ///
    /// - Returns: How it ended; if it was interrupted, its state is saved.
    /// - Throws: `RunError` with the reason; the last good state is then saved.
    public func perform() throws(RunError) -> RunOutcome {
        do {
            return try performChecked()
        } catch let error as RunError {
            throw error
        } catch let error as KernelError {
            if case .lossNotFinite = error { throw .invalid("\(error); a lower lr may help") }
            throw .invalid("\(error)")
        } catch {
            throw .failed("\(error)")
        }
    }

    private func performChecked() throws -> RunOutcome {
        let config = plan.config
        try plan.folder.create()
        try DurableFile.write(config.yaml(), to: plan.folder.config)
        guard let target = try plan.targets.target(of: plan, surroundings: surroundings) else {
            return .interrupted(step: 0)
        }
        let settings = try DecompositionSettings(config, features: target.model.features)
        let decomposition = try Decomposition(target: target.model, settings: settings, threads: plan.threads)
        let checkpoints = Checkpoints(
            folder: plan.folder, configHash: SHA256.hex(config.canonicalJSON() + target.hash))
        if let state = try checkpoints.newest(refused: surroundings.say) {
            try decomposition.restore(state)
            surroundings.say("goes on from step \(state.step)")
        }
        let metrics = try MetricsFile(path: plan.folder.metrics, from: decomposition.step)
        return try train(decomposition, checkpoints: checkpoints, metrics: metrics)
    }

    /// The training loop: steps 0 … `steps`, of which the last only evaluates and saves.
    private func train(
        _ decomposition: Decomposition, checkpoints: Checkpoints, metrics: MetricsFile
    ) throws -> RunOutcome {
        let config = plan.config
        var pace = RunPace(step: decomposition.step, steps: config.steps)
        var figures = RunFigures(
            config, folder: plan.folder, libraries: drawingLibraries, say: surroundings.say)
        let goesOn = { !surroundings.shouldStop() }
        var lastSave = ContinuousClock.now
        func save() throws {
            // Another attempt goes on with these files: they are its own now.
            guard surroundings.ownsFiles() else { return }
            try metrics.flush()
            try checkpoints.save(decomposition.state)
            lastSave = .now
        }
        while decomposition.step < config.steps {
            let step = decomposition.step
            guard surroundings.ownsFiles() else { return .interrupted(step: step) }
            if let frequency = config.saveFreq, step > 0, step % frequency == 0 {
                try writeModel(decomposition)
            }
            guard figures.prepare(decomposition, goesOn: goesOn) else {
                try save()
                return .interrupted(step: step)
            }
            do {
                if let report = try decomposition.advance(reporting: step % config.printFreq == 0) {
                    try log(report, decomposition, metrics, &pace)
                }
            } catch let error as KernelError {
                try save()
                throw error
            }
            figures.write()
            if let progress = pace.tick(step: step + 1) { surroundings.progress(progress) }
            if surroundings.shouldStop() {
                try save()
                return .interrupted(step: decomposition.step)
            }
            if tracker.stopRequested {
                try save()
                return .stopped(step: decomposition.step)
            }
            if .now - lastSave >= plan.checkpointInterval { try save() }
        }
        // Kept until the spec is known to be done: a crash from here on repeats only this evaluation.
        try save()
        guard figures.prepare(decomposition, goesOn: goesOn), surroundings.ownsFiles() else {
            return .interrupted(step: config.steps)
        }
        let report = try decomposition.evaluate()
        let row = try log(report, decomposition, metrics, &pace)
        figures.write()
        try metrics.flush()
        try writeModel(decomposition)
        return .finished(
            metrics: Dictionary(row.values.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }))
    }

    @discardableResult
    private func log(
        _ report: StepReport, _ decomposition: Decomposition, _ metrics: MetricsFile, _ pace: inout RunPace
    ) throws -> MetricsRow {
        let row = MetricsRow(
            report, modules: decomposition.modules.map(\.name), recovery: decomposition.recovery,
            alignment: try decomposition.featureAlignment())
        try metrics.append(row)
        tracker.log(step: row.step, values: row.values.map { ($0.name, .number($0.value)) })
        pace.logged(row)
        return row
    }

    private func writeModel(_ decomposition: Decomposition) throws(FileError) {
        let arrays = decomposition.publishedStateDict.mapValues {
            SafeTensors.Array(shape: $0.shape, $0.values)
        }
        try SafeTensors(arrays: arrays, metadata: ["format": "pt"])
            .write(to: plan.folder.model(step: decomposition.step))
    }

    /// Forgets the saved states of a run that is done and known to be.
    ///
    /// - Throws: `FileError` if the folder cannot be listed.
    public static func removeCheckpoints(in folder: RunFolder) throws(FileError) {
        try Checkpoints(folder: folder, configHash: "").removeAll()
    }
}
