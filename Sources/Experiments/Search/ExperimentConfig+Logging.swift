import Metrics
import UserMetrics

extension ExperimentConfig {
    /// Whether runs of this config log a metric, as far as the config alone shows.
    func logs(_ metric: Metric) -> Bool {
        if let term = LossTerm.allCases.first(where: { Metric.loss($0) == metric }) {
            return coefficient(of: term) != nil
        }
        return taskConfig.kind.measures.contains(metric) || !TargetKind.all.flatMap(\.measures).contains(metric)
    }

    /// Whether runs of this config log a number under a name of the user's own; what observers say is not known before.
    func logsOwn(_ name: String) -> Bool {
        guard name.hasPrefix(Metric.userPrefix) else { return false }
        return !observers.isEmpty
            || userMetrics.contains { metric in
                let own = Metric.userPrefix + metric.name
                return name == own || name.hasPrefix(own + "/")
            }
    }
}
