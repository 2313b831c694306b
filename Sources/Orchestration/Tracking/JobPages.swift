import Artifacts
import Experiments
import Foundation
package import Store
package import WandB

/// The W&B pages of a job: its project, a workspace for each of its experiments, a report of all.
package struct JobPages {
    package let job: Job
    package let store: Store
    package let environment: [String: String]

    package init(job: Job, store: Store, environment: [String: String]) {
        self.job = job
        self.store = store
        self.environment = environment
    }

    /// How long a submission may wait for pages; its agents are working by then.
    private static let submissionLimit = Duration.seconds(6)

    /// Creates the pages of a newly submitted job, if its runs are sent to W&B.
    ///
    /// A failure is one warning. There is no message where no pages were expected.
    ///
    /// - Parameter isReportAskedFor: Whether the user asked for a report explicitly.
    /// - Returns: The pages.
    package func makeAfterSubmission(isReportAskedFor: Bool) -> [JobLink] {
        let advice = "`orchestrator report \(job.id)` creates the W&B pages later"
        do {
            let settings = try Self.settings(environment)
            for notice in settings.notices { printError("W&B: \(notice)") }
            func none(_ reason: String) -> [JobLink] {
                if isReportAskedFor { printError("there will be no W&B report: \(reason)") }
                return []
            }
            // What the pages show is found in all of the job's configs: that takes its time.
            if let reason = settings.offlineReason { return none(reason) }
            let paged = try pagedJob(settings, hasReport: job.createReport)
            if let reason = Self.projectless(paged) { return none(reason) }
            let outcome = make(paged, settings, known: nil, limit: Self.submissionLimit)
            if let problem = outcome.problem { printError("W&B: \(problem); \(advice)") }
            return try store(outcome)
        } catch {
            printError("W&B: \(Failure(error).message); \(advice)")
            return []
        }
    }

    /// Makes or updates the pages of a job, report included.
    ///
    /// - Throws: Why there can be none, or why some are missing; those that could be made are stored.
    package func makeAgain(limit: Duration) throws -> [JobLink] {
        let settings = try Self.settings(environment)
        for notice in settings.notices { printError("W&B: \(notice)") }
        if let reason = settings.offlineReason {
            throw Failure.failed("no pages were created on W&B: \(reason)")
        }
        let paged = try pagedJob(settings, hasReport: true)
        if let reason = Self.projectless(paged) {
            throw Failure.failed("no pages were made on W&B: \(reason)")
        }
        let outcome = make(paged, settings, known: job.links.map(JobPage.init), limit: limit)
        let links = try store(outcome)
        if let problem = outcome.problem {
            throw Failure.failed("not all pages of job \(job.id) could be created on W&B: \(problem)")
        }
        return links
    }

    private func make(
        _ paged: PagedJob, _ settings: WandBSettings, known: [JobPage]?, limit: Duration
    ) -> PageMaker.Outcome {
        PageMaker(settings: settings, limit: limit, isCancelled: { Interruption.isRequested })
            .make(paged, known: known)
    }

    private func store(_ outcome: PageMaker.Outcome) throws(StoreError) -> [JobLink] {
        let links = outcome.pages.map(JobLink.init)
        if links != job.links { try store.setLinks(links, of: job.id) }
        return links
    }

    /// What was skipped in W&B's settings, or why they can't be used.
    package static func notices(_ environment: [String: String]) -> [String] {
        do throws(Failure) { return try settings(environment).notices } catch { return [error.message] }
    }

    private static func settings(_ environment: [String: String]) throws(Failure) -> WandBSettings {
        do {
            return try WandBSettings.read(
                environment: environment, workingDirectory: FileManager.default.currentDirectoryPath,
                homeDirectory: environment["HOME"])
        } catch {
            throw .failed("\(error)")
        }
    }

    private func pagedJob(_ settings: WandBSettings, hasReport: Bool) throws(StoreError) -> PagedJob {
        let experiments = try store.experiments(of: job.id).compactMap { experiment in
            // As the agents choose it.
            (job.project ?? experiment.project.map { settings.project ?? $0 }).map {
                PagedJob.Experiment(
                    name: experiment.name, project: $0,
                    measures: (experiment.task.flatMap(TargetKind.init(name:))?.measures ?? [])
                        + UserMetricPanels.metrics(experiment.userMetrics), runs: experiment.specs)
            }
        }
        var checkout: JobCheckout?
        do throws(FileError) { checkout = settings.tellsCommit ? try job.checkout() : nil } catch {
            printError("W&B's pages will not link the commit: \(error)")
        }
        return PagedJob(
            token: job.token, title: "SPD Run Report - \(job.token)", introduction: "Launch: `\(job.token)`",
            experiments: experiments, commit: checkout?.commit,
            hasReport: hasReport)
    }

    private static func projectless(_ paged: PagedJob) -> String? {
        paged.experiments.isEmpty ? "wandb_project is null in every config (--project names one)" : nil
    }
}

extension JobLink {
    package init(_ page: JobPage) {
        let kind: Kind =
            switch page.kind {
            case .project: .project
            case .workspace: .workspace
            case .report: .report
            }
        self.init(kind: kind, title: page.title, url: page.url, id: page.id)
    }

    /// The link as people read it.
    package var line: String {
        switch kind {
        case .project: "W&B project \(title): \(url)"
        case .workspace: "W&B workspace \(title): \(url)"
        case .report: "W&B report: \(url)"
        }
    }
}

extension JobPage {
    fileprivate init(_ link: JobLink) {
        let kind: Kind =
            switch link.kind {
            case .project: .project
            case .workspace: .workspace
            case .report: .report
            }
        self.init(kind: kind, title: link.title, url: link.url, id: link.id)
    }
}
