extension Metric {
    /// Where a metric is charted.
    ///
    /// Metrics whose panels have the same title share a chart.
    public struct Panel: Sendable, Hashable {
        /// A group of charts, in the order of a page.
        public enum Section: String, Sendable, CaseIterable {
            case losses = "Losses"
            case importances = "Causal importances"
            case subcomponents = "Subcomponents"
            case recovery = "Recovery"
            case divergence = "Divergence from the target"
            case user = "Your metrics"
            case optimisation = "Optimisation"
        }

        /// The group that the chart belongs to.
        public let section: Section
        /// The chart's title; nil for a chart of this metric alone, under its name.
        public let title: String?
        /// Charts of lower places come first in their group.
        public let place: Int

        /// Describes a panel.
        public init(_ section: Section, _ title: String? = nil, place: Int = 0) {
            self.section = section
            self.title = title
            self.place = place
        }
    }
}

/// A chart of metrics over steps, or a browser of pictures.
public struct Chart: Sendable, Hashable {
    /// What it shows.
    public enum Content: Sendable, Hashable {
        /// Lines, one for each metric; a module's metric gives one line for each module.
        case lines([Metric])
        /// A set of pictures, in this many columns.
        case pictures(Picture, columns: Int)
    }

    /// What it shows.
    public let content: Content
    /// Its title; nil for the metric's name.
    public let title: String?
}

extension Chart {
    /// Charts under one heading.
    public struct Section: Sendable, Hashable {
        /// The heading.
        public let name: String
        /// The charts, in order.
        public let charts: [Chart]
    }

    /// All charts of a decomposition.
    ///
    /// - Parameter measures: What is logged beyond what all decompositions have: a kind's own metrics, a user's.
    /// - Returns: The charts in their groups, empty groups left out.
    public static func sections(with measures: [Metric]) -> [Section] {
        Metric.Panel.Section.allCases.compactMap { section in
            let charts = self.charts(of: section, Metric.ofEveryKind + measures) + pictures(of: section)
            return charts.isEmpty ? nil : Section(name: section.rawValue, charts: charts)
        }
    }

    private static func charts(of section: Metric.Panel.Section, _ metrics: [Metric]) -> [Chart] {
        var groups: [(place: Int, title: String?, metrics: [Metric])] = []
        for metric in metrics {
            guard let panel = metric.panel, panel.section == section else { continue }
            if panel.title != nil, let index = groups.firstIndex(where: { $0.title == panel.title }) {
                groups[index].metrics.append(metric)
            } else {
                groups.append((panel.place, panel.title, [metric]))
            }
        }
        let ordered = groups.enumerated().sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }
        return ordered.map { Chart(content: .lines($0.element.metrics), title: $0.element.title) }
    }

    private static func pictures(of section: Metric.Panel.Section) -> [Chart] {
        guard section == .importances else { return [] }
        return [upperImportances]
            + [Picture.importances, .subcomponents, .meanActivations].map { picture in
                Chart(content: .pictures(picture, columns: 3), title: picture.title)
            }
    }

    private static let upperImportances = Chart(
        content: .pictures(.upperImportances, columns: 6), title: Picture.upperImportances.title)

    /// The rows of charts that the published tool's report has for an experiment.
    ///
    /// - Parameter measures: What is logged beyond what all decompositions have.
    /// - Returns: The pictures, which take a row for themselves, and rows of charts.
    public static func report(with measures: [Metric]) -> [[Chart]] {
        func own(_ metric: Metric) -> Chart { Chart(content: .lines([metric]), title: metric.panel?.title) }
        let reconstruction = Chart(
            content: .lines([.loss(.stochasticReconLayerwise), .loss(.stochasticRecon)]),
            title: "Stochastic reconstruction")
        let divergences = charts(of: .divergence, measures)
        return [
            [upperImportances], [reconstruction, own(.loss(.faithfulness)), own(.loss(.importanceMinimality))],
        ] + (divergences.isEmpty ? [] : [divergences])
    }
}

/// A picture that runs draw, as charts show it; its file is `<name>_<step>.png`.
public struct Picture: Sendable, Hashable {
    /// The published name.
    public let name: String
    /// What charts of it are called.
    public let title: String

    /// The causal importances as importance losses see them.
    public static let upperImportances = Picture(
        name: "causal_importances_upper_leaky", title: "Causal importances")
    /// The causal importances as masks see them.
    public static let importances = Picture(name: "causal_importances", title: "Lower leaky")
    /// The subcomponents' matrices.
    public static let subcomponents = Picture(name: "UV_matrices", title: "Subcomponents' vectors")
    /// The causal importances of a step's batch, all modules next to each other.
    public static let batchImportances = Picture(name: "mask_vals", title: "Causal importances of a batch")

    /// The causal importances of a step's batch in one module.
    public static func importances(of module: String) -> Picture {
        Picture(name: "mask_vals_" + module.replacing(".", with: "_"), title: module)
    }

    /// How often each subcomponent is active.
    public static let meanActivations = Picture(
        name: "mean_component_activation_counts", title: "Mean activations")
}
