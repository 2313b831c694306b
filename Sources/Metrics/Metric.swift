/// A number that runs log: what it is called, what it means, and how it is shown.
///
/// This is the only definition of a metric. The keys of `metrics.jsonl`, W&B's panels, the columns of `status`, the
/// ranking of `best`, the last line of a run and `docs/reference/metrics.md` all follow from it.
public struct Metric: Sendable, Hashable {
    /// What a metric is logged under.
    public enum Key: Sendable, Hashable {
        /// This name.
        case name(String)
        /// `<module>/<suffix>`, once for each decomposed module.
        case module(suffix: String)
        /// `<before><module><after>`, once for each module that a user has chosen.
        case each(before: String, after: String)
    }

    /// Which values are better.
    public enum Better: String, Sendable {
        /// Low ones, as of a loss.
        case low
        /// High ones, as of a score.
        case high
    }

    /// How a chart's vertical axis runs.
    public enum Axis: String, Sendable {
        /// In equal steps.
        case linear
        /// In powers of ten.
        case logarithmic
    }

    /// How a value is written.
    public enum Format: Sendable {
        /// Four digits and an exponent, as `1.404e-03`.
        case scientific
        /// Four digits behind the point, as `0.9989`.
        case fixed
    }

    /// Its key.
    public let key: Key
    /// What it measures, in one sentence.
    public let meaning: String
    /// The unit of its values; nil for plain numbers.
    public let unit: String?
    /// Which values are better; nil if neither is.
    public let better: Better?
    /// How its chart's vertical axis runs.
    public let axis: Axis
    /// The chart that shows it; nil for none.
    public let panel: Panel?
    /// How its values are written.
    public let format: Format
    /// The title of its column in `status`; nil for no column.
    public let column: String?
    /// Its place among what is worth a look first; nil for what is not.
    public let firstLook: Int?

    /// Defines a metric.
    public init(
        _ key: Key, _ meaning: String, unit: String? = nil, better: Better? = nil, axis: Axis = .linear,
        panel: Panel? = nil, format: Format = .scientific, column: String? = nil, firstLook: Int? = nil
    ) {
        self.key = key
        self.meaning = meaning
        self.unit = unit
        self.better = better
        self.axis = axis
        self.panel = panel
        self.format = format
        self.column = column
        self.firstLook = firstLook
    }
}

extension Metric {
    /// Its logged name; for a module's metric, the name for that module.
    public func name(of module: String = "<module>") -> String {
        switch key {
        case .name(let name): name
        case .module(let suffix): module + "/" + suffix
        case .each(let before, let after): before + module + after
        }
    }

    /// The name that it is logged under.
    public var name: String { name() }

    /// Whether a logged name is this metric's.
    public func matches(_ name: String) -> Bool {
        switch key {
        case .name(let own): name == own
        case .module(let suffix): name.hasSuffix("/" + suffix)
        case .each(let before, let after):
            name.hasPrefix(before) && name.dropFirst(before.count).hasSuffix(after)
        }
    }

    /// The metric that is logged under a name, users' own among them; nil if there is none.
    public static func named(_ name: String) -> Metric? {
        name.hasPrefix(userPrefix)
            ? user(String(name.dropFirst(userPrefix.count))) : all.first { $0.matches(name) }
    }
}
