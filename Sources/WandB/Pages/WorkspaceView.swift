import JSON

/// A saved workspace view: the runs of one experiment of a job, and their charts.
struct WorkspaceView: Sendable, Equatable {
    let token: String
    let experiment: PagedJob.Experiment

    var displayName: String { "\(experiment.name) - \(token)" }

    /// What the page's address ends in, after `?nw=`.
    var address: String { PageNames.name("workspace", token, experiment.name) }

    /// W&B's name for it.
    var name: String { "nw-\(address)-v" }

    /// The view as W&B stores it.
    var spec: JSONValue {
        let sections = experiment.sections.map { section in
            PanelBank.section(
                section.name, isOpen: true,
                panels: section.panels.enumerated().map { index, panel in
                    panel.spec(id: PageNames.name(name, section.name, String(index)))
                }, smoothing: "none"
            ).adding("pinned", false)
        }
        return [
            "section": [
                "panelBankConfig": ["state": 1, "settings": PanelBank.settings, "sections": .array(sections)],
                "panelBankSectionConfig": PanelBank.grid([]).adding("pinned", false),
                "customRunColors": [:], "name": "",
                "runSets": [RunSet(tags: [token, experiment.name]).spec],
                "settings": [
                    "smoothingWeight": 0, "smoothingType": "none", "xAxis": "_step", "ignoreOutliers": false,
                    "useRunsTableGroupingInPanels": true, "maxRuns": 50,
                    "pointVisualizationMethod": "bucketing-gorilla", "tooltipNumberOfRuns": "default",
                    "shouldAutoGeneratePanels": false, "smoothingActive": false, "xAxisActive": false,
                ],
                "openRunSet": 0, "openViz": true,
            ],
            "vizExpanded": false, "libraryExpanded": true,
        ]
    }
}
