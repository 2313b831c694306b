package import Metrics
package import WandB

// The charts of a decomposition as W&B's pages have them.
extension PagedJob.Experiment {
    /// An experiment whose runs log some metrics beyond those that all decompositions have.
    package init(name: String, project: String, measures: [Metric], runs: Int) {
        self.init(
            name: name, project: project,
            sections: Chart.sections(with: measures).map { PagePanel.Section($0.name, $0.charts.map(PagePanel.init)) },
            grid: PagePanel.grid(Chart.report(with: measures).map { $0.map(PagePanel.init) }), runs: runs)
    }
}

extension PagePanel {
    /// A chart as W&B draws it.
    package init(_ chart: Chart) {
        let content: Content =
            switch chart.content {
            case .lines(let metrics):
                if metrics.count == 1, case .module(let suffix) = metrics[0].key {
                    .matching(regex: ".*/" + suffix)
                } else if metrics.count == 1, case .each(let before, let after) = metrics[0].key {
                    .matching(regex: before + ".*" + after)
                } else {
                    .lines(metrics.map(\.name), isLog: metrics.allSatisfy { $0.axis == .logarithmic })
                }
            case .pictures(let picture, let columns): .media([picture.name], columns: columns)
            }
        self.init(content: content, title: chart.title)
    }
}
