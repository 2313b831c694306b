import Artifacts
import Experiments
import Foundation
import JSON
import Kernels
import Layout
import WandB

/// The steps of a run, 0 … `steps`; the last one only evaluates and saves.
struct TrainingLoop {
    private let plan: RunPlan
    private let hooks: RunHooks
    private let tracker: RunTracker
    private let decomposition: any Decomposition
    private let checkpoints: Checkpoints
    private var rows: RunRows
    private var pace: RunPace
    private var figures: RunFigures
    private var userMetrics: UserMetricValues?
    private let observers: RunObservers?
    private var lastSave = ContinuousClock.now
    /// The numbers of the last row.
    private var lastRow: [String: Double] = [:]

    /// Prepares the steps that are left of a decomposition.
    init(
        plan: RunPlan, hooks: RunHooks, tracker: RunTracker, decomposition: any Decomposition,
        checkpoints: Checkpoints, rows: RunRows, drawingLibraries: [String], tokenNames: TokenNames?
    ) throws {
        self.plan = plan
        self.hooks = hooks
        self.tracker = tracker
        self.decomposition = decomposition
        self.checkpoints = checkpoints
        self.rows = rows
        let config = plan.config
        pace = RunPace(step: decomposition.step, steps: config.steps, figuresLeft: { config.figureSets(from: $0) })
        figures = RunFigures(
            config, folder: plan.folder, libraries: drawingLibraries, tokenNames: tokenNames, say: hooks.say)
        userMetrics = try UserMetricValues(config, of: decomposition, say: hooks.say)
        observers = try RunObservers(plan, of: decomposition, hooks: hooks)
    }

    /// Takes the steps.
    ///
    /// - Returns: How the run ended; if it was interrupted or stopped, its state is saved, unless its files are another
    ///   attempt's.
    mutating func run() throws -> RunOutcome {
        defer {
            figures.finish()
            observers?.finish()
        }
        while decomposition.step < plan.config.steps {
            if let outcome = try takeStep() { return outcome }
        }
        return try finish()
    }

    /// Takes one step, with what is logged, drawn and saved around it.
    ///
    /// - Returns: How the run ended, if it ends here.
    private mutating func takeStep() throws -> RunOutcome? {
        let step = decomposition.step
        guard try writeRows(), try writeModelIfDue() else { return .interrupted(step: step) }
        guard prepareFigures() else {
            try save()
            return .interrupted(step: step)
        }
        do {
            let isReporting = step % plan.config.printFreq == 0
            let (own, goesOn) = isReporting ? try ownMetrics() : (nil, true)
            guard goesOn else { return .interrupted(step: step) }
            let report = try decomposition.advance(reporting: isReporting)
            guard try log(report, own) else { return .interrupted(step: step) }
        } catch let error as KernelError {
            try save()
            throw error
        }
        if let progress = pace.tick(step: step + 1) { hooks.progress(progress) }
        let ending = requestedEnding
        if ending != nil || .now - lastSave >= plan.checkpointInterval { try save() }
        return ending
    }

    /// How the run ends, if somebody asks for it.
    private var requestedEnding: RunOutcome? {
        if hooks.shouldStop() { return .interrupted(step: decomposition.step) }
        if let reason = hooks.outdone() {
            return .outdone(step: decomposition.step, reason: reason, metrics: lastRow)
        }
        return tracker.stopRequested ? .stopped(step: decomposition.step) : nil
    }

    /// Evaluates the last state and writes what stays of the run.
    private mutating func finish() throws -> RunOutcome {
        // Kept until the spec is known to be done: a crash from here on repeats only this evaluation. A power cut goes
        // back to the state before, as it does at any other moment.
        try save(flush: .nothing)
        guard prepareFigures(), isOursToWrite() else { return .interrupted(step: plan.config.steps) }
        let (own, _) = try ownMetrics()
        let report = try decomposition.evaluate()
        let last = try row(report, own)
        rows.add(last, media: report.media + (own?.media ?? []), drawing: figures.draw())
        try rows.write(waits: true)
        try rows.flush()
        try writeModel()
        tracker.upload(plan.folder.metrics, as: "metrics.jsonl")
        return .finished(metrics: lastRow)
    }
}

// What is written, and when it may be.
extension TrainingLoop {
    /// Saves the state, unless another attempt may continue with these files.
    private mutating func save(flush: DurableFile.Flush = .contentsAndName) throws {
        guard hooks.ownership() == .ours else { return }
        // Figures too: a run that resumes from this state does not draw them again.
        try rows.write(waits: true)
        if flush != .nothing { try rows.flush() }
        let hooks = hooks
        try checkpoints.save(decomposition.state, flush: flush) { hooks.ownership() == .ours }
        lastSave = .now
    }

    /// Writes the rows so far, if the files are ours.
    ///
    /// - Returns: Whether to continue.
    private mutating func writeRows() throws -> Bool {
        switch hooks.ownership() {
        case .ours: try rows.write()
        case .unknown: break
        case .lost: return false
        }
        return true
    }

    /// Waits until it is known whose the run's files are; what has to be written now cannot be held back.
    private func isOursToWrite() -> Bool {
        while hooks.ownership() == .unknown {
            if hooks.shouldStop() { return false }
            Thread.sleep(forTimeInterval: 0.05)
        }
        return hooks.ownership() == .ours
    }

    /// Takes down what this step's figures show, if it has some.
    ///
    /// - Returns: Whether to continue.
    private mutating func prepareFigures() -> Bool {
        let beginning = ContinuousClock.now
        let hooks = hooks
        guard figures.prepare(decomposition, own: userMetrics, goesOn: { !hooks.shouldStop() }) else { return false }
        if figures.areReady { pace.drew(for: .now - beginning, isWhole: false) }
        return true
    }

    /// Keeps a step's row and begins to draw its figures, if it has either.
    ///
    /// - Returns: Whether to continue.
    private mutating func log(_ report: StepReport?, _ own: UserMetricValues.Row?) throws -> Bool {
        var drawing: Drawing?
        if figures.areReady {
            // The step's row and figures are made again when another attempt continues from the last checkpoint.
            guard isOursToWrite() else { return false }
            let beginning = ContinuousClock.now
            drawing = figures.draw()
            pace.drew(for: .now - beginning, isWhole: true)
        }
        if let report {
            rows.add(try row(report, own), media: report.media + (own?.media ?? []), drawing: drawing)
        } else if let drawing {
            rows.add(drawing)
        }
        return true
    }

    /// The user's own metrics of the next step, if there are some, and what observers say about it.
    ///
    /// - Returns: What the step's row gets, and whether to continue.
    private mutating func ownMetrics() throws -> (row: UserMetricValues.Row?, goesOn: Bool) {
        let decomposition = decomposition
        let own = try userMetrics?.row(of: decomposition)
        guard let observers, observers.areDue(at: decomposition.step) else { return (own, true) }
        // What observers are asked and answer is written down.
        guard isOursToWrite() else { return (nil, false) }
        var row = own ?? .init()
        let said = observers.row(of: decomposition, figures: figures.areReady, besides: row.names)
        row.numbers += said.numbers
        row.media += said.media
        for file in said.files { tracker.upload(file.path, as: "user/" + file.name) }
        return (row, true)
    }

    private mutating func row(_ report: StepReport, _ own: UserMetricValues.Row?) throws -> MetricsRow {
        let scores = try decomposition.scores() + (own?.numbers ?? [])
        let row = MetricsRow(report, modules: decomposition.moduleNames, scores: scores)
        lastRow = Dictionary(row.values.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        pace.logged(row)
        hooks.logged(row)
        return row
    }

    /// Writes the weights that `save_freq` asks for.
    ///
    /// - Returns: Whether to continue.
    private func writeModelIfDue() throws -> Bool {
        guard let frequency = plan.config.saveFreq, decomposition.step > 0, decomposition.step % frequency == 0 else {
            return true
        }
        guard isOursToWrite() else { return false }
        try writeModel()
        return true
    }

    private func writeModel() throws(FileError) {
        let path = plan.folder.model(step: decomposition.step)
        let arrays = decomposition.publishedStateDict.mapValues {
            SafeTensors.Array(shape: $0.shape, $0.values)
        }
        // The last model's name makes all other files' names durable too.
        let isLast = decomposition.step == plan.config.steps
        try SafeTensors(arrays: arrays, metadata: ["format": "pt"])
            .write(to: path, flush: isLast ? .contentsAndName : .contents)
        guard isLast ? plan.uploadsModel : plan.uploadsCheckpoints else { return }
        let name = (path as NSString).lastPathComponent
        // Intermediate checkpoints are only files: each version of an artifact costs the server six requests.
        if isLast { tracker.uploadModel(path, as: name) } else { tracker.upload(path, as: name) }
    }
}

extension StepReport {
    /// What W&B shows next to the numbers.
    fileprivate var media: [(name: String, medium: Media)] {
        tables.map { table in
            (table.name, .table(columns: table.columns, rows: table.rows.map { $0.map(JSONValue.string) }))
        }
    }
}
