/// A job that gets pages of its own on W&B.
public struct PagedJob: Sendable, Equatable {
    /// An experiment and where its runs are logged.
    public struct Experiment: Sendable, Equatable {
        /// The experiment's name, a tag of its runs.
        public var name: String
        /// The W&B project of its runs.
        public var project: String
        /// The charts of its workspace.
        public var sections: [PagePanel.Section]
        /// The charts of its runs in the report.
        public var grid: [PagePanel]
        /// How many runs it has.
        public var runs: Int

        /// Describes an experiment.
        public init(name: String, project: String, sections: [PagePanel.Section], grid: [PagePanel], runs: Int) {
            self.name = name
            self.project = project
            self.sections = sections
            self.grid = grid
            self.runs = runs
        }
    }

    /// The job's unique name, a tag of all its runs.
    public var token: String
    /// The report's title.
    public var title: String
    /// What the report begins with, in Markdown.
    public var introduction: String
    /// Its experiments in order; each is named once.
    public var experiments: [Experiment]
    /// The git commit it was made from.
    public var commit: String?
    /// Whether a report is wanted besides the workspace views.
    public var hasReport: Bool

    /// Describes a job.
    public init(
        token: String, title: String, introduction: String, experiments: [Experiment], commit: String? = nil,
        hasReport: Bool = true
    ) {
        self.token = token
        self.title = title
        self.introduction = introduction
        self.experiments = experiments
        self.commit = commit
        self.hasReport = hasReport
    }

    /// The projects of its experiments, each once.
    var projects: [String] {
        var projects: [String] = []
        for experiment in experiments where !projects.contains(experiment.project) {
            projects.append(experiment.project)
        }
        return projects
    }
}

/// A page on W&B that was made for a job.
public struct JobPage: Sendable, Equatable {
    /// What a page shows.
    public enum Kind: String, Sendable {
        /// A whole project.
        case project
        /// A workspace with the runs of one experiment.
        case workspace
        /// The report of all experiments.
        case report
    }

    /// What it shows.
    public var kind: Kind
    /// The project's, the experiment's or the report's name.
    public var title: String
    /// Its address for a browser.
    public var url: String
    /// W&B's id of it, by which it is changed later.
    public var id: String?

    /// Describes a page.
    public init(kind: Kind, title: String, url: String, id: String? = nil) {
        self.kind = kind
        self.title = title
        self.url = url
        self.id = id
    }
}
