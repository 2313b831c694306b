import Artifacts
import Experiments
import Foundation
import JSON
import Kernels
import Layout
import Metrics
import UserMetrics

/// A run's observers, and their output.
///
/// They never fail a run and change nothing of it but for rows' `user/…`: what goes wrong is said once, and the run goes
/// on without. Training waits for their answers, so rows stay whole and in order.
final class RunObservers {
    private struct Watcher {
        let observer: Observer
        let journal: ObserverJournal
        let parts: ObservedParts
    }

    private let config: ExperimentConfig
    private let folder: RunFolder
    private let run: String
    private let say: @Sendable (String) -> Void
    private let shouldStop: () -> Bool
    private var watchers: [Watcher] = []
    private var waited = 0.0
    private let start = ContinuousClock.now
    private var hasSaidSlow = false
    /// Whether all steps are due.
    private let isAfterwards: Bool

    /// A run that observers hold up for more than this share of its time says so.
    private static let share = 0.05

    /// Prepares a config's observers; nil if there are none.
    ///
    /// What keeps one from being prepared is said.
    init?(_ plan: RunPlan, of decomposition: any Decomposition, hooks: RunHooks, isAfterwards: Bool = false) throws {
        guard !plan.config.observers.isEmpty else { return nil }
        (config, folder, run) = (plan.config, plan.folder, plan.id)
        (say, shouldStop) = (hooks.say, hooks.shouldStop)
        self.isAfterwards = isAfterwards
        let scope = try decomposition.observableShapes().scope(config)
        let hello = Observer.hello(config, run: run, scope)
        do throws(FileError) {
            try DurableFile.createFolder(folder.user)
        } catch {
            say("there will be no observers: \(error)")
            return
        }
        TensorFile.removeLeftovers(of: run, folder: folder.user)
        for own in config.observers {
            guard let place = plan.observers, let digest = own.digest else {
                say("observer \(own.name): its file was not copied with the job; the run goes on without it")
                continue
            }
            let setup = ObserverProcess.Setup(
                launcher: plan.launcher, program: "\(place)/\(digest)/\(own.run)", folder: folder.user,
                memory: Int(own.memoryGB * 1e9), helpers: "\(place)/\(digest)")
            do throws(FileError) {
                watchers.append(
                    Watcher(
                        observer: Observer(own, setup: setup, hello: hello, say: hooks.say),
                        journal: try ObserverJournal(path: "\(folder.user)/\(own.name).jsonl"),
                        parts: ObservedParts(own.needs)))
            } catch {
                say("observer \(own.name): \(error); the run goes on without it")
            }
        }
    }

    /// Whether anybody is to be asked about a step.
    func areDue(at step: Int) -> Bool { watchers.contains { isDue($0, at: step) } }

    private func isDue(_ watcher: Watcher, at step: Int) -> Bool {
        isAfterwards || step == config.steps || step % config.interval(of: watcher.observer.config) == 0
    }

    /// Asks about the next step's tensors, as far as that has not been done.
    ///
    /// - Parameters:
    ///   - decomposition: What is looked at; it is not changed.
    ///   - figures: Whether pictures are due.
    ///   - taken: Names of what the row has already, which no observer replaces.
    /// - Returns: What the row gets.
    func row(of decomposition: any Decomposition, figures: Bool, besides taken: [String]) -> UserMetricValues.Row {
        let step = decomposition.step
        var row = UserMetricValues.Row()
        var names = Set(taken + config.userFigures.map { Metric.userPrefix + $0.name })
        var seconds = 0.0
        let due = watchers.filter { isDue($0, at: step) }
        var observation: Observation?
        for watcher in due {
            let answer = answer(of: watcher, about: decomposition, figures: figures) {
                if let observation { return observation }
                let all = due.reduce(ObservedParts()) { $0.union($1.parts) }
                let made = try decomposition.observe(all)
                observation = made
                return made
            }
            guard let (answer, time) = answer else { continue }
            seconds += time
            let said = ObserverAnswer(answer, folder: folder.user)
            for complaint in said.complaints {
                watcher.observer.sayOnce(complaint.key, complaint.text + " at step \(step)")
            }
            func isNew(_ name: String) -> Bool {
                guard !names.insert(name).inserted else { return true }
                watcher.observer.sayOnce("twice.\(name)", "gave \(name), which is there already")
                return false
            }
            row.numbers += said.numbers.filter { isNew($0.name) }
            row.media += said.media.filter { isNew($0.name) }
            row.files += said.files
        }
        if seconds > 0 {
            row.numbers.append(NamedNumber(.observerSeconds, seconds))
            sayIfSlow(seconds)
        }
        return row
    }

    /// An observer's answer about a step and how long it took: an old one, if there is one.
    private func answer(
        of watcher: Watcher, about decomposition: any Decomposition, figures: Bool,
        observation: () throws -> Observation
    ) -> (JSONValue, Double)? {
        let (step, observer) = (decomposition.step, watcher.observer)
        switch watcher.journal.entry(of: step) {
        case .answered(let answer, let seconds)?: return (answer, seconds)
        case .asked?:
            observer.sayOnce("asked", "was asked about step \(step) before a crash; it is not asked twice")
            return nil
        case nil: break
        }
        guard !observer.isOff else { return nil }
        let beginning = ContinuousClock.now
        do {
            let tensors = try observation().tensors(
                observer.config.needs, hasTokens: config.taskConfig.hasTokens)
            return try ask(watcher, about: step, tensors, figures: figures, since: beginning)
        } catch {
            observer.sayOnce("trouble", "\(error)")
            return nil
        }
    }

    private func ask(
        _ watcher: Watcher, about step: Int, _ tensors: [String: SafeTensors.Array], figures: Bool,
        since beginning: ContinuousClock.Instant
    ) throws(FileError) -> (JSONValue, Double)? {
        let file = try TensorFile(tensors, run: run, folder: folder.user)
        defer { file.remove() }
        try watcher.journal.ask(step)
        let answer = watcher.observer.ask(
            step: step, tensors: file.path, figures: figures, goesOn: { !shouldStop() })
        guard let answer else { return nil }
        let seconds = (ContinuousClock.now - beginning) / .seconds(1)
        try watcher.journal.answer(step, answer, seconds: seconds)
        return (answer, seconds)
    }

    private func sayIfSlow(_ seconds: Double) {
        waited += seconds
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        guard !hasSaidSlow, elapsed > 10, waited > Self.share * elapsed else { return }
        hasSaidSlow = true
        say(
            "observers take \(Int((100 * waited / elapsed).rounded())) % of the run's time; raise 'every' to call them less often"
        )
    }

    /// Lets their processes end.
    func finish() {
        for watcher in watchers { watcher.observer.finish() }
    }
}
