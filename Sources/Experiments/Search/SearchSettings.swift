package import Search

/// What a sweep file says about results: which metric runs are compared by, and which of them are stopped early.
public struct SearchSettings: Sendable, Equatable {
    /// The logged name of the metric.
    public let metric: String
    /// Whether high values are better.
    public let isMaximized: Bool
    /// Whether the configs are chosen one after another, by what earlier runs have reached (`method: bayes`).
    public let choosesConfigs: Bool
    /// Which runs are stopped early.
    package let hyperband: Hyperband?
    /// The value of the metric that is good enough: once a run has it, no further ones begin.
    public let target: Double?
    /// What a failed, cancelled or early-stopped run counts with, if the file says so.
    public let impute: Imputation?
    /// What a run counts with while it is working; nil lets it count with what is expected of its settings.
    public let imputeWhileRunning: Imputation?

    /// For people: how runs get their settings, and which of them end early.
    public var lines: [String] {
        let aim = "\(isMaximized ? "high" : "low") \(metric)"
        var lines: [String] = []
        if choosesConfigs {
            lines.append("Settings are chosen when an agent takes a run, for \(aim), based on earlier runs' results.")
        }
        if let hyperband {
            let bands = hyperband.bands
            let rows = bands.prefix(3).map(String.init).joined(separator: ", ") + (bands.count > 3 ? ", …" : "")
            lines.append(
                "Of the runs that have logged \(rows) rows, those not among the best "
                    + "1/\(hyperband.etaText) for \(aim) stop early.")
        }
        if let target {
            let goal = "\(metric) \(isMaximized ? "≥" : "≤") \(target)"
            lines.append("Once a run has reached \(goal), no further ones begin.")
        }
        return lines
    }

    /// A value of the metric such that low ones are better.
    package func cost(_ value: Double) -> Double { isMaximized ? -value : value }
}

/// Which value counts for a run without a result, in W&B's words.
public enum Imputation: String, Sendable, Equatable {
    /// The best that the run has reached.
    case best
    /// What it has logged last.
    case latest
    /// The worst result of any run.
    case worst
}

extension SweepFile {
    /// W&B's sweep settings about results, as written in the file.
    struct ResultSettings: Sendable {
        var metric: (name: String, isMaximized: Bool, place: SourcePlace?)?
        var target: Double?
        var impute, imputeWhileRunning: Imputation?
        var hyperband: (Hyperband, place: SourcePlace?)?
        var runCap: (count: Int, place: SourcePlace?)?
    }

    /// How runs are compared; nil for a sweep that compares none.
    public var searchSettings: SearchSettings? {
        let choosesConfigs = method?.name == .bayes
        guard let metric = results.metric, choosesConfigs || results.hyperband != nil || results.target != nil else {
            return nil
        }
        return SearchSettings(
            metric: metric.name, isMaximized: metric.isMaximized, choosesConfigs: choosesConfigs,
            hyperband: results.hyperband?.0, target: results.target, impute: results.impute,
            imputeWhileRunning: results.imputeWhileRunning)
    }
}
