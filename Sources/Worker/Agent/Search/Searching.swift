import Experiments
import Search
import Store

/// How an agent continues with the searches of its job: what the store keeps of them as `Experiments` understands it.
enum Searching {
    /// Chooses the config of a spec that its search has left open.
    static func choose(_ open: OpenSpec) throws -> ChosenSpec {
        let definition = try SearchDefinition(json: open.search)
        let settings = try definition.searchSettings()
        let state = SearchDefinition.State(
            experiment: open.experiment, config: open.config, target: open.target, number: open.number,
            trials: open.trials.map { Trial($0.point, outcome(of: $0, settings)) },
            taken: Set(open.trials.map(\.overrides)))
        let chosen = try definition.choose(state)
        return ChosenSpec(
            config: chosen.config, overrides: chosen.overrides, steps: chosen.steps, point: chosen.point)
    }

    /// What a run counts with: its best value if it is done, else what the sweep file says.
    ///
    /// If that is not set, an early stop counts like the end, a failure as the worst result. Runs that were
    /// cancelled then say nothing about their configs, but should not be repeated: they count like active ones.
    static func outcome(of trial: OpenSpec.Trial, _ settings: SearchSettings?) -> Trial.Outcome {
        switch trial.status {
        case .done: outcome(.best, trial.reached) ?? .failed
        case .stopped: outcome(settings?.impute ?? .best, trial.reached) ?? .failed
        case .failed: outcome(settings?.impute ?? .worst, trial.reached) ?? .failed
        case .cancelled: settings?.impute.flatMap { outcome($0, trial.reached) } ?? .open
        case .pending, .running: settings?.imputeWhileRunning.flatMap { outcome($0, trial.reached) } ?? .open
        }
    }

    /// A run's value; nil for a run that has none yet.
    private static func outcome(_ imputation: Imputation, _ reached: Reached) -> Trial.Outcome? {
        switch imputation {
        case .best: reached.best.map(Trial.Outcome.value)
        case .latest: reached.latest.map(Trial.Outcome.value)
        case .worst: .failed
        }
    }
}
