import Metrics
import UserMetrics

extension SweepCheck {
    /// Keys that say where files come from or go to: a search's runs share those, so they are known before it begins.
    private static let fixedKeys = [
        "pretrained_model_path", "wandb_project", "observers", "user_metrics", "user_figures",
    ]

    /// Checks that what is said about results belongs together.
    mutating func results(of sweep: SweepFile) {
        guard sweep.results.metric == nil, !sweep.problems.contains(where: { $0.path.hasPrefix("metric") }) else {
            return
        }
        if let method = sweep.method, method.name == .bayes {
            let reason = "bayes needs 'metric: {name: loss/total, goal: minimize}'"
            report(.sweepForm(reason), path: SweepFile.methodName, at: method.place)
        } else if let early = sweep.results.hyperband {
            let reason = "needs 'metric: {name: loss/total, goal: minimize}'"
            report(.sweepForm(reason), path: ResultSettingsReader.earlyName, at: early.place)
        }
    }

    /// Checks that an experiment's runs log the metric.
    mutating func metric(of sweep: SweepFile, loggedBy config: ExperimentConfig, of experiment: String) {
        guard sweep.searchSettings != nil, let metric = sweep.results.metric else { return }
        let isOwn = metric.name.hasPrefix(Metric.userPrefix)
        let named = isOwn ? nil : Metric.named(metric.name)
        if config.logsOwn(metric.name) || named.map({ config.logs($0) }) == true { return }
        let known =
            Metric.all.filter { config.logs($0) }.map(\.name) + config.userMetrics.map { Metric.userPrefix + $0.name }
        let path = "\(ResultSettingsReader.metricName).name"
        if named != nil {
            let reason = "runs of \(experiment) do not log \(metric.name) with their current settings"
            return report(.sweepForm(reason), path: path, at: metric.place)
        }
        let nearest = Spelling.nearest(to: metric.name, among: known)
        report(
            .unknownName(kind: "metric", name: metric.name, nearest: nearest, known: known), path: path,
            at: metric.place)
    }

    /// Checks that `method: bayes` has something to choose, and may choose it.
    mutating func search(_ grid: SweepGrid) {
        for column in grid.axes.flatMap(\.columns) {
            let parameter = column.parameter
            if case .values(let values, let probabilities) = parameter.choice {
                if probabilities != nil {
                    let reason = "has probabilities, which mean nothing to bayes; leave them out"
                    report(.sweepForm(reason), path: parameter.filePath, at: parameter.place)
                }
                guard values.count > 1 else { continue }
            }
            let isText = grid.experiment.config.taskConfig.hasTokens && parameter.path.hasPrefix("task_config.")
            if Self.fixedKeys.contains(parameter.path) || isText {
                let reason = "is no parameter of a search; bayes takes one value of it, grid and random take several"
                report(.sweepForm(reason), path: parameter.filePath, at: parameter.place)
            }
        }
        guard let sampling, grid.axes.allSatisfy({ $0.count != nil }), let count = grid.count else { return }
        let place = grid.axes.first?.columns.first?.parameter.place
        if count == 1 {
            let reason = "nothing varies for bayes to choose; give a parameter values, or min and max"
            report(.sweepForm(reason), path: grid.experiment.name, at: place)
        } else if count <= sampling.count {
            let reason = "has \(count) combinations for \(sampling.count) runs; 'method: grid' takes each of them once"
            report(.sweepForm(reason), path: grid.experiment.name, at: place)
        }
    }
}
