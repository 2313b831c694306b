import Experiments
import Search
import Store

/// How an agent goes on with the searches of its job: what the store keeps of them as `Experiments` understands it.
enum Searching {
    /// Chooses the config of a spec that its search has left open.
    static func choose(_ open: OpenSpec) throws -> ChosenSpec {
        let state = SearchDefinition.State(
            experiment: open.experiment, config: open.config, target: open.target, number: open.number,
            trials: open.trials.map { Trial($0.point, outcome(of: $0)) },
            taken: Set(open.trials.map(\.overrides)))
        let chosen = try SearchDefinition(json: open.search).choose(state)
        return ChosenSpec(
            config: chosen.config, overrides: chosen.overrides, steps: chosen.steps, point: chosen.point)
    }

    /// Runs that were called off say nothing of their configs, but are not to be repeated: they count as open ones do.
    private static func outcome(of trial: OpenSpec.Trial) -> Trial.Outcome {
        switch trial.status {
        case .done, .stopped: trial.cost.map(Trial.Outcome.value) ?? .failed
        case .failed: .failed
        case .pending, .running, .cancelled: .open
        }
    }
}
