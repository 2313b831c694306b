import Foundation

/// The calls that make pages, repeated while there is time and the server may still do its work.
///
/// It belongs to one thread.
final class PageSession {
    private let api: WandBAPI
    private let limit: Duration
    private let firstPause: Duration
    private let deadline: ContinuousClock.Instant
    private let isCancelled: @Sendable () -> Bool
    private let known: [LaunchPage]?

    init(
        api: WandBAPI, limit: Duration, firstPause: Duration, isCancelled: @escaping @Sendable () -> Bool,
        known: [LaunchPage]?
    ) {
        self.api = api
        self.limit = limit
        self.firstPause = firstPause
        self.isCancelled = isCancelled
        self.known = known
        let deadline = ContinuousClock.now + limit
        self.deadline = deadline
        api.isCancelled = { isCancelled() || .now >= deadline }
    }

    /// The entity that the runs are logged to.
    func entity(_ settings: WandBSettings) throws(CallFailure) -> String {
        if let entity = settings.entity { return entity }
        let account = try patiently { api.account() }
        guard let entity = account.defaultEntity else {
            throw CallFailure(.refused, "the account has no default entity; set WANDB_ENTITY")
        }
        return entity
    }

    /// The project of that name, made if it is not there.
    func project(_ name: String, entity: String) throws(CallFailure) -> RunSet.Project {
        if let project = try patiently({ api.project(name, entity: entity) }) { return project }
        return try patiently { api.createProject(name, entity: entity) }
    }

    /// Makes or updates the workspace view of an experiment.
    func workspace(
        of experiment: Launch.Experiment, _ launch: Launch, in project: RunSet.Project, at url: String
    ) throws(CallFailure) -> LaunchPage {
        let workspace = WorkspaceView(token: launch.token, experiment: experiment)
        let view = WandBAPI.View(
            type: .workspace, name: workspace.name, displayName: workspace.displayName, description: "",
            spec: workspace.spec)
        let id = try ensure(view, in: project, knownID: knownID(.workspace, experiment.name))
        return LaunchPage(
            kind: .workspace, title: experiment.name, url: "\(url)?nw=\(workspace.address)", id: id)
    }

    /// Makes or updates the report of a launch.
    func report(
        _ report: LaunchReport, in project: RunSet.Project, at url: String
    ) throws(CallFailure) -> LaunchPage {
        let view = WandBAPI.View(
            type: .report, name: report.name, displayName: report.title, description: report.description,
            spec: report.spec)
        let id = try ensure(view, in: project, knownID: knownID(.report, report.title))
        let title = report.title.replacingOccurrences(of: " ", with: "-")
        let address = "\(title)--\(id.prefix { $0 != "=" })"
        return LaunchPage(
            kind: .report, title: report.title, url: BaseURL.join(url, ["reports", address]), id: id)
    }

    /// What a failure means for somebody who waits for pages.
    func explanation(of failure: CallFailure) -> String {
        guard failure.kind == .cancelled else { return failure.description }
        return isCancelled() ? "interrupted" : "\(api.host) did not do it within \(Int(limit.seconds)) s"
    }

    private func knownID(_ kind: LaunchPage.Kind, _ title: String) -> String? {
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
                id = try patiently { api.viewID(named: view.name, type: view.type, project: project) }
            }
            switch api.upsertView(view, id: id, project: project) {
            case .success(let stored): return stored
            case .failure(let failure) where id != nil && [.missing, .refused].contains(failure.kind):
                // Somebody has deleted it on its page: a name that is found again now is refused for good.
                guard failures == 0 else { throw failure }
                id = nil
            case .failure(let failure):
                try wait(after: failure, number: failures)
            }
            mayExist = true
            failures += 1
        }
    }

    private func patiently<Value>(_ call: () -> WandBAPI.Reply<Value>) throws(CallFailure) -> Value {
        var failures = 0
        while true {
            switch call() {
            case .success(let value): return value
            case .failure(let failure): try wait(after: failure, number: failures)
            }
            failures += 1
        }
    }

    /// Waits before another attempt, if one makes sense and there is time for it.
    private func wait(after failure: CallFailure, number: Int) throws(CallFailure) {
        guard failure.kind == .transient, !isCancelled() else { throw failure }
        let pause = failure.retryAfter ?? firstPause * (1 << min(number, 4))
        guard ContinuousClock.now + pause < deadline else { throw failure }
        Thread.sleep(forTimeInterval: pause.seconds)
    }
}
