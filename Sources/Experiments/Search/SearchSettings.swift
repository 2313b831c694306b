package import Search

/// What a sweep file says of results: which metric runs are compared by, and which of them are stopped early.
public struct SearchSettings: Sendable, Equatable {
    /// The logged name of the metric.
    public let metric: String
    /// Whether high values are better.
    public let isMaximized: Bool
    /// Whether the configs are chosen one after another, by what earlier runs have reached (`method: bayes`).
    public let choosesConfigs: Bool
    /// Which runs are stopped early.
    package let hyperband: Hyperband?

    /// For people: how runs get their settings, and which of them end early.
    public var lines: [String] {
        let aim = "\(isMaximized ? "high" : "low") \(metric)"
        var lines: [String] = []
        if choosesConfigs {
            lines.append("Settings are chosen when an agent takes a run, for \(aim) by what earlier runs have reached.")
        }
        if let hyperband {
            let bands = hyperband.bands
            let rows = bands.prefix(3).map(String.init).joined(separator: ", ") + (bands.count > 3 ? ", …" : "")
            lines.append(
                "Of the runs that have logged \(rows) rows, those not among the best "
                    + "1/\(hyperband.etaText) for \(aim) stop early.")
        }
        return lines
    }

    /// A value of the metric such that low ones are better.
    package func cost(_ value: Double) -> Double { isMaximized ? -value : value }
}

extension SweepFile {
    /// The settings of W&B's that speak of results, as they stand in the file.
    struct ResultSettings: Sendable {
        var metric: (name: String, isMaximized: Bool, place: SourcePlace?)?
        var hyperband: (Hyperband, place: SourcePlace?)?
        var runCap: (count: Int, place: SourcePlace?)?
    }

    /// How runs are compared; nil for a sweep that compares none.
    public var searchSettings: SearchSettings? {
        let choosesConfigs = method?.name == .bayes
        guard let metric = results.metric, choosesConfigs || results.hyperband != nil else { return nil }
        return SearchSettings(
            metric: metric.name, isMaximized: metric.isMaximized, choosesConfigs: choosesConfigs,
            hyperband: results.hyperband?.0)
    }
}
