import JSON

// Calls about projects and the pages in them.
extension WandBAPI {
    /// A project, or nil if there is none of that name.
    func project(_ name: String, entity: String) -> Reply<RunSet.Project?> {
        let variables: [JSONValue.Member] = [.init("name", .string(name)), .init("entity", .string(entity))]
        return graphQL(.project, variables: variables).map { RunSet.Project(reply: $0["project"]) }
    }

    /// Creates a project.
    func createProject(_ name: String, entity: String) -> Reply<RunSet.Project> {
        let variables: [JSONValue.Member] = [.init("name", .string(name)), .init("entity", .string(entity))]
        return graphQL(.upsertModel, variables: variables).flatMap { data in
            guard let project = RunSet.Project(reply: data["upsertModel"]?["project"]) else {
                return .failure(CallFailure(.transient, "the server created no project '\(name)'"))
            }
            return .success(project)
        }
    }

    /// The id of a view, or nil if there is none of that name.
    func viewID(named name: String, type: ViewType, project: RunSet.Project) -> Reply<String?> {
        let variables: [JSONValue.Member] = [
            .init("project", .string(project.name)), .init("entity", .string(project.entity)),
            .init("viewType", .string(type.rawValue)), .init("viewName", .string(name)),
        ]
        return graphQL(.viewNamed, variables: variables).map { data in
            data["project"]?["allViews"]?["edges"]?.elements?.first?["node"]?["id"]?.string
        }
    }

    /// Creates a view, or changes the one with that id.
    ///
    /// - Returns: Its id.
    func upsertView(_ view: View, id: String?, project: RunSet.Project) -> Reply<String> {
        let variables: [JSONValue.Member] = [
            .init("id", id.map { .string($0) } ?? .null), .init("entityName", .string(project.entity)),
            .init("projectName", .string(project.name)), .init("type", .string(view.type.rawValue)),
            .init("name", .string(view.name)), .init("displayName", .string(view.displayName)),
            .init("description", .string(view.description)), .init("spec", .string(view.spec.text)),
        ]
        return graphQL(.upsertView, variables: variables).flatMap { data in
            guard let id = data["upsertView"]?["view"]?["id"]?.string else {
                return .failure(CallFailure(.transient, "the server stored no view '\(view.displayName)'"))
            }
            return .success(id)
        }
    }

    /// What kind of page a view is.
    enum ViewType: String, Sendable {
        case workspace = "project-view"
        case report = "runs"
    }

    /// A page as it is sent.
    struct View: Sendable {
        let type: ViewType
        let name: String
        let displayName: String
        let description: String
        let spec: JSONValue
    }
}

extension RunSet.Project {
    init?(reply project: JSONValue?) {
        guard let project, let name = project["name"]?.string, let entity = project["entityName"]?.string else {
            return nil
        }
        self.init(name: name, entity: entity, id: project["internalId"]?.string)
    }
}

extension GraphQLDocument {
    fileprivate static let project = GraphQLDocument(
        operationName: "Project",
        text: """
            query Project($name: String!, $entity: String) {
              project(name: $name, entityName: $entity) { id internalId name entityName }
            }
            """)

    fileprivate static let upsertModel = GraphQLDocument(
        operationName: "UpsertModel",
        text: """
            mutation UpsertModel($name: String!, $entity: String) {
              upsertModel(input: {name: $name, entityName: $entity}) {
                project { id internalId name entityName }
                inserted
              }
            }
            """)

    fileprivate static let viewNamed = GraphQLDocument(
        operationName: "View",
        text: """
            query View($entity: String, $project: String, $viewType: String, $viewName: String) {
              project(name: $project, entityName: $entity) {
                allViews(viewType: $viewType, viewName: $viewName) { edges { node { id name } } }
              }
            }
            """)

    fileprivate static let upsertView = GraphQLDocument(
        operationName: "UpsertView",
        text: """
            mutation UpsertView(
              $id: ID, $entityName: String, $projectName: String, $type: String, $name: String,
              $displayName: String, $description: String, $spec: String
            ) {
              upsertView(input: {
                id: $id, entityName: $entityName, projectName: $projectName, name: $name,
                displayName: $displayName, description: $description, type: $type, createdUsing: WANDB_SDK,
                spec: $spec
              }) {
                view { id name }
                inserted
              }
            }
            """)
}
