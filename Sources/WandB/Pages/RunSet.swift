import JSON

/// The runs that a page shows: those that bear all of some tags.
struct RunSet: Sendable, Equatable {
    /// A project as run sets of reports name it.
    struct Project: Sendable, Equatable {
        let name: String
        let entity: String
        /// W&B's internal id.
        let id: String?
    }

    var id = ""
    var name = "Run set"
    /// The names that the runs bear as tags.
    let tags: [String]
    var project: Project?

    /// The run set as a view's spec holds it.
    var spec: JSONValue {
        var members: [JSONValue.Member] = [
            .init("id", .string(id)),
            .init(
                "runFeed",
                [
                    "version": 2, "columnVisible": [:], "columnPinned": [:], "columnWidths": [:], "columnOrder": [],
                    "pageSize": 10, "onlyShowSelected": false,
                ]),
            .init("enabled", true),
        ]
        if let project { members.append(.init("project", spec(of: project))) }
        members += [
            .init("name", .string(name)), .init("search", ["query": ""]),
            .init("filters", ["filterFormat": "filterV2", "filters": .array(filters)]), .init("grouping", []),
            .init(
                "sort", ["keys": [["key": ["section": "run", "name": "createdAt"], "ascending": false]]]),
            .init("selections", ["root": 1, "bounds": [], "tree": []]), .init("expandedRowAddresses", []),
        ]
        return .object(members)
    }

    /// One filter per tag: a list of tags in one filter would mean any of them.
    private var filters: [JSONValue] {
        tags.enumerated().map { index, tag in
            var members: [JSONValue.Member] = [
                .init("key", ["section": "run", "name": "tags"]), .init("op", "IN"),
                .init("value", [.string(String(tag.prefix(RunDescription.maximumTagLength)))]),
                .init("disabled", false),
            ]
            if index > 0 { members.append(.init("connector", "AND")) }
            return .object(members)
        }
    }

    private func spec(of project: Project) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("name", .string(project.name)), .init("entityName", .string(project.entity)),
        ]
        if let id = project.id { members.append(.init("id", .string(id))) }
        return .object(members)
    }
}
