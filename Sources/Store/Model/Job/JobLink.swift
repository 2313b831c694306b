/// A web page that was made for a job.
public struct JobLink: Sendable, Equatable, Codable {
    /// What a page shows.
    public enum Kind: String, Sendable, Codable {
        /// The W&B project of its runs.
        case project
        /// The W&B workspace of one of its experiments.
        case workspace
        /// The W&B report of all of it.
        case report
    }

    /// What it shows.
    public let kind: Kind
    /// The project's, the experiment's or the report's name.
    public let title: String
    /// Its address.
    public let url: String
    /// The server's name for it; next time it is updated, not created again.
    public let id: String?

    /// Describes a page.
    public init(kind: Kind, title: String, url: String, id: String?) {
        self.kind = kind
        self.title = title
        self.url = url
        self.id = id
    }
}

/// An experiment of a job: where its runs are logged and what they decompose.
public struct JobExperiment: Sendable, Equatable {
    /// The experiment's name.
    public let name: String
    /// The W&B project of its runs, if their config names one.
    public let project: String?
    /// `task_config.task_name` of their config.
    public let task: String?
    /// The different `user_metrics` of its specs, a JSON list.
    public var userMetrics = "[]"
    /// How many specs it has.
    public let specs: Int
}
