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
/// What it writes depends on the plan only: a run that was killed and goes on ends with the same bytes as one that was
/// not (same binary, CPU type and threads).
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
        if let training = plan.target, try !isAdmitted(training) { return .interrupted(step: 0) }
        guard let target = try plan.targets.target(of: plan, hooks: hooks) else {
            return .interrupted(step: 0)
        }
        if plan.target == nil, let training = target.training, try !isAdmitted(training) {
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
        return try train(decomposition, checkpoints: checkpoints, rows: rows)
    }

    private func isAdmitted(_ target: TargetConfig) throws(RunError) -> Bool {
        try hooks.admit(MemoryUse(plan.config, target: target, threads: plan.threads).bytes)
    }

    /// The training loop: steps 0 … `steps`, of which the last only evaluates and saves.
    private func train(
        _ decomposition: any Decomposition, checkpoints: Checkpoints, rows: RunRows
    ) throws -> RunOutcome {
        let config = plan.config
        var rows = rows
        var pace = RunPace(step: decomposition.step, steps: config.steps, figuresLeft: { config.figureSets(from: $0) })
        var figures = RunFigures(
            config, folder: plan.folder, libraries: drawingLibraries, say: hooks.say)
        let goesOn = { !hooks.shouldStop() }
        var lastSave = ContinuousClock.now
        func save(flush: DurableFile.Flush = .contentsAndName) throws {
            // Another attempt may go on with these files.
            guard hooks.ownership() == .ours else { return }
            try rows.write()
            if flush != .nothing { try rows.flush() }
            try checkpoints.save(decomposition.state, flush: flush) { hooks.ownership() == .ours }
            lastSave = .now
        }
        while decomposition.step < config.steps {
            let step = decomposition.step
            switch hooks.ownership() {
            case .ours: try rows.write()
            case .unknown: break
            case .lost: return .interrupted(step: step)
            }
            if let frequency = config.saveFreq, step > 0, step % frequency == 0 {
                guard isOursToWrite() else { return .interrupted(step: step) }
                try writeModel(decomposition)
            }
            let beginning = ContinuousClock.now
            guard figures.prepare(decomposition, goesOn: goesOn) else {
                try save()
                return .interrupted(step: step)
            }
            if figures.areReady { pace.drew(for: .now - beginning, isWhole: false) }
            do {
                let report = try decomposition.advance(reporting: step % config.printFreq == 0)
                var media: [(name: String, medium: Media)] = []
                if figures.areReady {
                    // The step's row and figures are made again when another attempt goes on from the last checkpoint.
                    guard isOursToWrite() else { return .interrupted(step: step) }
                    let beginning = ContinuousClock.now
                    media = figures.write()
                    pace.drew(for: .now - beginning, isWhole: true)
                }
                if let report {
                    media += report.media
                    rows.add(try row(report, decomposition, &pace), media: media)
                } else if !media.isEmpty {
                    rows.add(media: media, step: step)
                }
            } catch let error as KernelError {
                try save()
                throw error
            }
            if let progress = pace.tick(step: step + 1) { hooks.progress(progress) }
            if hooks.shouldStop() {
                try save()
                return .interrupted(step: decomposition.step)
            }
            if tracker.stopRequested {
                try save()
                return .stopped(step: decomposition.step)
            }
            if .now - lastSave >= plan.checkpointInterval { try save() }
        }
        // Kept until the spec is known to be done: a crash from here on repeats only this evaluation. A power cut goes
        // back to the state before, as it does at any other moment.
        try save(flush: .nothing)
        guard figures.prepare(decomposition, goesOn: goesOn), isOursToWrite() else {
            return .interrupted(step: config.steps)
        }
        let report = try decomposition.evaluate()
        let last = try row(report, decomposition, &pace)
        rows.add(last, media: figures.write() + report.media)
        try rows.write()
        try rows.flush()
        try writeModel(decomposition)
        tracker.upload(plan.folder.metrics, as: "metrics.jsonl")
        return .finished(
            metrics: Dictionary(last.values.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }))
    }

    /// Waits until it is known whose the run's files are; what has to be written now cannot be held back.
    private func isOursToWrite() -> Bool {
        while hooks.ownership() == .unknown {
            if hooks.shouldStop() { return false }
            Thread.sleep(forTimeInterval: 0.05)
        }
        return hooks.ownership() == .ours
    }

    private func row(
        _ report: StepReport, _ decomposition: any Decomposition, _ pace: inout RunPace
    ) throws -> MetricsRow {
        let row = MetricsRow(report, modules: decomposition.moduleNames, scores: try decomposition.scores())
        pace.logged(row)
        return row
    }

    private func writeModel(_ decomposition: any Decomposition) throws(FileError) {
        let path = plan.folder.model(step: decomposition.step)
        let arrays = decomposition.publishedStateDict.mapValues {
            SafeTensors.Array(shape: $0.shape, $0.values)
        }
        // The last model's name takes those of all other files along.
        let isLast = decomposition.step == plan.config.steps
        try SafeTensors(arrays: arrays, metadata: ["format": "pt"])
            .write(to: path, flush: isLast ? .contentsAndName : .contents)
        guard isLast ? plan.uploadsModel : plan.uploadsCheckpoints else { return }
        tracker.upload(path, as: (path as NSString).lastPathComponent)
    }

    /// Forgets the saved states of a run that is done and known to be.
    ///
    /// - Throws: `FileError` if the folder cannot be listed.
    public static func removeCheckpoints(in folder: RunFolder) throws(FileError) {
        try Checkpoints(folder: folder, configHash: "").removeAll()
    }
}

extension StepReport {
    /// What W&B shows beside the numbers.
    fileprivate var media: [(name: String, medium: Media)] {
        tables.map { table in
            (table.name, .table(columns: table.columns, rows: table.rows.map { $0.map(JSONValue.string) }))
        }
    }
}
