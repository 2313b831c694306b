/// Creates a job's pages on W&B, or updates existing ones.
///
/// Their names follow from the job's, so pages whose making was cut short are found again.
public struct PageMaker: Sendable {
    /// What was created.
    public struct Outcome: Sendable, Equatable {
        /// The pages that are there now, in the order they are shown to people.
        public let pages: [JobPage]
        /// Why some are missing, one line; nil if none is.
        public let problem: String?
    }

    private let settings: WandBSettings
    private let limit: Duration
    private let isCancelled: @Sendable () -> Bool
    /// The wait after the first failure of a call; it doubles with each further one.
    var firstPause = Duration.milliseconds(200)

    /// Prepares to make pages.
    ///
    /// - Parameters:
    ///   - settings: the server and the key.
    ///   - limit: how long everything may take.
    ///   - isCancelled: asked every now and then; true gives up what is left.
    public init(
        settings: WandBSettings, limit: Duration, isCancelled: @escaping @Sendable () -> Bool = { false }
    ) {
        self.settings = settings
        self.limit = limit
        self.isCancelled = isCancelled
    }

    /// Creates or updates a job's pages; waits for the server for a limited time.
    ///
    /// - Parameters:
    ///   - job: what the pages show.
    ///   - known: the pages that were made before; nil if making them is tried for the first time.
    /// - Returns: the pages that are there now, also if not all could be made.
    public func make(_ job: PagedJob, known: [JobPage]?) -> Outcome {
        guard let key = settings.apiKey, settings.mode == .online else {
            return Outcome(pages: known ?? [], problem: settings.offlineReason)
        }
        let patience = Deadline(limit: limit, firstPause: firstPause, isCancelled: isCancelled)
        let api: WandBAPI
        do { api = try WandBAPI(settings: settings, key: key, patience: patience) } catch {
            return Outcome(pages: known ?? [], problem: "\(error)")
        }
        let session = PageSession(api: api, patience: patience, known: known)
        var made: [JobPage] = []
        do {
            try make(job, in: session, made: &made)
            return Outcome(pages: made, problem: nil)
        } catch {
            let rest = (known ?? []).filter { page in
                !made.contains { $0.kind == page.kind && $0.title == page.title }
            }
            return Outcome(pages: made + rest, problem: patience.explanation(of: error, host: api.host))
        }
    }

    private func make(
        _ job: PagedJob, in session: PageSession, made: inout [JobPage]
    ) throws(CallFailure) {
        let entity = try session.entity()
        var projects: [RunSet.Project] = []
        for name in job.projects {
            let project = try session.project(name, entity: entity)
            projects.append(project)
            made.append(JobPage(kind: .project, title: project.name, url: url(of: project)))
        }
        // The server may spell a project as it likes; it answers in the order it was asked.
        let byName = Dictionary(zip(job.projects, projects)) { first, _ in first }
        for experiment in job.experiments {
            guard let project = byName[experiment.project] else { continue }
            made.append(try session.workspace(of: experiment, job, in: project, at: url(of: project)))
        }
        guard job.hasReport, let home = projects.first else { return }
        let report = ReportView(
            job: job, projects: byName, workspaces: made.filter { $0.kind == .workspace })
        made.append(try session.report(report, in: home, at: url(of: home)))
    }

    private func url(of project: RunSet.Project) -> String {
        BaseURL.join(settings.appURL, [project.entity, project.name])
    }
}
