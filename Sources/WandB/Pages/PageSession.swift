import Foundation

/// The calls that make pages, repeated while there is time and the server may still do its work.
struct PageSession {
    let api: WandBAPI
    let patience: Deadline
    /// The pages made before; nil if making them is tried for the first time.
    let known: [JobPage]?

    /// The entity that the runs are logged to.
    func entity() throws(CallFailure) -> String { try api.entity(patience) }

    /// The project of that name, made if it does not exist.
    func project(_ name: String, entity: String) throws(CallFailure) -> RunSet.Project {
        if let project = try patience.call({ api.project(name, entity: entity) }) { return project }
        return try patience.call { api.createProject(name, entity: entity) }
    }

    /// Makes or updates the workspace view of an experiment.
    func workspace(
        of experiment: PagedJob.Experiment, _ job: PagedJob, in project: RunSet.Project, at url: String
    ) throws(CallFailure) -> JobPage {
        let workspace = WorkspaceView(token: job.token, experiment: experiment)
        let view = WandBAPI.View(
            type: .workspace, name: workspace.name, displayName: workspace.displayName, description: "",
            spec: workspace.spec)
        let id = try ensure(view, in: project, knownID: knownID(.workspace, experiment.name))
        return JobPage(
            kind: .workspace, title: experiment.name, url: "\(url)?nw=\(workspace.address)", id: id)
    }

    /// Makes or updates the report of a job.
    func report(
        _ report: ReportView, in project: RunSet.Project, at url: String
    ) throws(CallFailure) -> JobPage {
        let view = WandBAPI.View(
            type: .report, name: report.name, displayName: report.title, description: report.description,
            spec: report.spec)
        let id = try ensure(view, in: project, knownID: knownID(.report, report.title))
        let title = report.title.replacingOccurrences(of: " ", with: "-")
        let address = "\(title)--\(id.prefix { $0 != "=" })"
        return JobPage(
            kind: .report, title: report.title, url: BaseURL.join(url, ["reports", address]), id: id)
    }

    private func knownID(_ kind: JobPage.Kind, _ title: String) -> String? {
        known?.first { $0.kind == kind && $0.title == title }?.id
    }

    /// Stores a view: the one with the known id, else the one of that name, else a new one.
    private func ensure(
        _ view: WandBAPI.View, in project: RunSet.Project, knownID: String?
    ) throws(CallFailure) -> String {
        var id = knownID
        // An attempt whose answer never came may have made it.
        var mayExist = known != nil
        var failures = 0
        while true {
            if id == nil, mayExist {
                id = try patience.call { api.viewID(named: view.name, type: view.type, project: project) }
            }
            switch api.upsertView(view, id: id, project: project) {
            case .success(let stored): return stored
            case .failure(let failure) where id != nil && [.missing, .refused].contains(failure.kind):
                // A user has deleted it on its page: a name that is found again now is refused for good.
                guard failures == 0 else { throw failure }
                id = nil
            case .failure(let failure):
                try patience.wait(after: failure, number: failures)
            }
            mayExist = true
            failures += 1
        }
    }
}
