import Foundation
import WandB

// Projects, and the workspaces and reports in them.
extension StandInBackend {
    struct Page: Sendable {
        var id: String
        var entity: String
        var project: String
        var type: String
        var name: String
        var displayName: String
        var description: String
        var spec: String
        /// How often it was stored.
        var upserts: Int
    }

    /// What the server has besides runs.
    struct Pages: Sendable {
        /// Projects as `entity/project`.
        var projects: [String] = []
        var views: [Page] = []
    }

    /// Answers an operation about projects or views; nil if it is another.
    func pages(_ query: String, _ variables: [String: Any], _ state: inout State) -> Reply? {
        if query.contains("upsertModel(") { return upsertModel(variables, &state) }
        if query.contains("upsertView(") { return upsertView(variables, &state) }
        if query.contains("allViews(") { return viewsNamed(variables, state) }
        if query.contains("models(") { return projects(variables, state) }
        if query.contains("view(id:") {
            let id = (variables["reportId"] ?? variables["id"]) as? String
            let view = state.pages.views.first { $0.id == id }
            return answer(["view": view.map { node($0, state) as Any } ?? NSNull()])
        }
        guard query.contains("project("), query.contains("internalId"), !query.contains("run") else { return nil }
        let (entity, name) = place(variables)
        return answer(["project": project(entity, name, state)])
    }

    private func upsertModel(_ variables: [String: Any], _ state: inout State) -> Reply {
        let (entity, name) = place(variables)
        guard !name.isEmpty else {
            state.violations.append("upsertModel without a name")
            return Reply(status: 400)
        }
        let key = "\(entity)/\(name)"
        let isNew = !state.pages.projects.contains(key)
        if isNew { state.pages.projects.append(key) }
        return answer(["upsertModel": ["project": project(entity, name, state), "inserted": isNew]])
    }

    private func upsertView(_ variables: [String: Any], _ state: inout State) -> Reply {
        let (entity, project) = place(variables)
        guard state.pages.projects.contains("\(entity)/\(project)") else {
            state.violations.append("upsertView in a project that is not there: \(entity)/\(project)")
            return Reply(status: 404, body: Data(#"{"errors":[{"message":"project not found"}]}"#.utf8))
        }
        guard let type = variables["type"] as? String, let name = variables["name"] as? String,
            let displayName = variables["displayName"] as? String, let spec = variables["spec"] as? String,
            (try? JSONSerialization.jsonObject(with: Data(spec.utf8))) is [String: Any]
        else {
            state.violations.append("upsertView without type, name, displayName or a spec that is an object")
            return Reply(status: 400)
        }
        switch type {
        case "project-view" where name.wholeMatch(of: /nw-[a-z0-9]{11}-v/) != nil: break
        case "runs" where name.wholeMatch(of: /[a-z0-9]{8,}/) != nil: break
        default: state.violations.append("upsertView: type \(type), name \(name)")
        }
        var index = state.pages.views.endIndex
        if let id = variables["id"] as? String {
            guard let found = state.pages.views.firstIndex(where: { $0.id == id }) else {
                return Reply(
                    status: 404, body: Data(#"{"errors":[{"message":"view not found"}],"data":null}"#.utf8))
            }
            index = found
        } else {
            // As far as is known the real server makes another view of the same name.
            let id = Data("View:\(state.pages.views.count + 1)".utf8).base64EncodedString()
            state.pages.views.append(
                Page(
                    id: id, entity: entity, project: project, type: type, name: name, displayName: "",
                    description: "", spec: "", upserts: 0))
        }
        state.pages.views[index].displayName = displayName
        state.pages.views[index].description = variables["description"] as? String ?? ""
        state.pages.views[index].spec = spec
        state.pages.views[index].upserts += 1
        let view = state.pages.views[index]
        return answer(["upsertView": ["view": node(view, state), "inserted": view.upserts == 1]])
    }

    private func viewsNamed(_ variables: [String: Any], _ state: State) -> Reply {
        let (entity, project) = place(variables)
        guard state.pages.projects.contains("\(entity)/\(project)") else { return answer(["project": NSNull()]) }
        let edges = state.pages.views.filter { view in
            view.entity == entity && view.project == project
                && view.type == (variables["viewType"] as? String ?? "runs")
                && (variables["viewName"] as? String).map { $0 == view.name } ?? true
        }.map { ["node": node($0, state), "cursor": $0.id] }
        let end: [String: Any] = ["endCursor": NSNull(), "hasNextPage": false]
        return answer(["project": ["allViews": ["edges": edges, "pageInfo": end]]])
    }

    private func node(_ view: Page, _ state: State) -> [String: Any] {
        [
            "id": view.id, "type": view.type, "name": view.name, "displayName": view.displayName,
            "description": view.description, "spec": view.spec, "createdAt": "2026-01-01T00:00:00.000Z",
            "updatedAt": "2026-01-01T00:00:00.000Z", "project": project(view.entity, view.project, state),
            "user": ["username": "u", "photoUrl": NSNull(), "email": "u@example.invalid"],
        ]
    }

    private func project(_ entity: String, _ name: String, _ state: State) -> Any {
        guard let index = state.pages.projects.firstIndex(of: "\(entity)/\(name)") else { return NSNull() }
        return [
            "id": Data("Project:v1:\(name):\(entity)".utf8).base64EncodedString(),
            "internalId": Data("ProjectInternalId:\(index + 1)".utf8).base64EncodedString(), "name": name,
            "entityName": entity,
        ]
    }

    private func projects(_ variables: [String: Any], _ state: State) -> Reply {
        let entity = variables["entity"] as? String ?? Self.entity
        let user: [String: Any] = [
            "id": "VXNlcjox", "name": "u", "username": "u", "email": "u@example.invalid", "admin": false, "flags": "{}",
            "entity": Self.entity, "deletedAt": NSNull(), "apiKeys": ["edges": [Any]()], "teams": ["edges": [Any]()],
        ]
        let nodes = state.pages.projects.filter { $0.hasPrefix(entity + "/") }.map { key -> [String: Any] in
            let name = String(key.dropFirst(entity.count + 1))
            return [
                "node": [
                    "__typename": "Project", "id": Data(key.utf8).base64EncodedString(), "name": name,
                    "entityName": entity, "createdAt": "2026-01-01T00:00:00.000Z", "isBenchmark": false, "user": user,
                ] as [String: Any]
            ]
        }
        let end: [String: Any] = ["__typename": "PageInfo", "endCursor": NSNull(), "hasNextPage": false]
        return answer(["models": ["edges": nodes, "pageInfo": end] as [String: Any]])
    }

    /// Entity and project, whatever an operation calls its variables.
    private func place(_ variables: [String: Any]) -> (entity: String, project: String) {
        let entity = variables["entityName"] ?? variables["entity"]
        let project = variables["projectName"] ?? variables["project"] ?? variables["name"]
        return (entity as? String ?? Self.entity, project as? String ?? "")
    }
}
