import JSON

/// The report of a job: a panel grid for each of its experiments.
struct ReportView: Sendable, Equatable {
    let job: PagedJob
    /// The projects that its runs are logged to, by the names that the job has for them.
    let projects: [String: RunSet.Project]
    /// The workspaces that were made for its experiments.
    let workspaces: [JobPage]

    var title: String { job.title }

    var description: String { "Experiments: \(job.experiments.map(\.name).joined(separator: ", "))" }

    /// W&B's name for it.
    var name: String { PageNames.name("report", job.token) }

    /// The report as W&B stores it; paragraphs surround its blocks as in the web editor.
    var spec: JSONValue {
        let paragraph: JSONValue = ["type": "paragraph", "children": [["text": ""]]]
        let blocks = [markdown(introduction)] + job.experiments.flatMap { [heading($0.name), grid(of: $0)] }
        return [
            "version": 5, "panelSettings": [:], "blocks": .array([paragraph] + blocks + [paragraph]),
            "width": "fluid", "authors": [], "discussionThreads": [],
        ]
    }

    private var introduction: String {
        let runs = job.experiments.map { experiment in
            let page = workspaces.first { $0.title == experiment.name }
            let name = page.map { "[\(experiment.name)](\($0.url))" } ?? experiment.name
            return "\(name) (\(experiment.runs) run\(experiment.runs == 1 ? "" : "s"))"
        }
        return [job.introduction, job.commit.map { "Commit: `\($0)`" }]
            .compactMap(\.self).joined(separator: "  \n") + "\n\nWorkspaces: \(runs.joined(separator: ", "))"
    }

    private func markdown(_ text: String) -> JSONValue {
        ["type": "markdown-block", "children": [["text": ""]], "content": .string(text)]
    }

    private func heading(_ text: String) -> JSONValue {
        ["type": "heading", "children": [["text": .string(text)]], "level": 2]
    }

    private func grid(of experiment: PagedJob.Experiment) -> JSONValue {
        let runs = RunSet(
            id: PageNames.name(name, experiment.name), name: "\(experiment.name) Runs",
            tags: [job.token, experiment.name],
            project: projects[experiment.project])
        let panels = experiment.grid.enumerated().map { index, panel in
            panel.spec(id: PageNames.name(name, experiment.name, String(index)))
        }
        return [
            "type": "panel-grid", "children": [["text": ""]],
            "metadata": [
                "openViz": true, "openRunSet": 0, "name": "unused-name", "runSets": [runs.spec],
                "hideRunSets": false,
                "panels": ["views": ["0": ["name": "Panels", "defaults": [], "config": []]], "tabs": ["0"]],
                "panelBankConfig": [
                    "state": 0, "settings": PanelBank.settings,
                    "sections": [
                        PanelBank.section("Hidden Panels", isOpen: false, panels: [], smoothing: "exponential")
                    ],
                ],
                "panelBankSectionConfig": PanelBank.grid(panels), "customRunColors": [:],
            ],
        ]
    }
}
