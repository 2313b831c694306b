import Foundation
import JSON
import WandB

// What W&B's own client and its public API ask for; nothing of it is checked, all of it is answered.
extension StandInBackend {
    /// Answers W&B's own programs; nil for ours.
    func official(_ request: Request, _ state: inout State) -> Reply? {
        // Ours goes by the same name, and is checked: it never asks for compressed replies, W&B's programs always do.
        guard request.headers["accept-encoding"] != nil, !request.path.hasPrefix("/put/") else { return nil }
        let parts = request.path.split(separator: "?")[0].split(separator: "/").compactMap {
            $0.removingPercentEncoding
        }
        guard request.headers["authorization"]?.hasPrefix("Basic ") == true else { return Reply(status: 404) }
        if request.method == "GET", parts.count > 4, parts[0] == "files" {
            let file = state.runs[parts[3]]?.files[parts[4...].joined(separator: "/")]
            return file.map { Reply(body: $0) } ?? Reply(status: 404)
        }
        let body = try? JSONSerialization.jsonObject(with: request.body) as? [String: Any]
        if parts.count == 5, parts[4] == "file_stream" {
            return stream(entity: parts[1], project: parts[2], run: parts[3], body ?? [:], request.body, &state)
        }
        guard parts == ["graphql"], let body, let text = body["query"] as? String else { return Reply(status: 404) }
        return answer(text, body["variables"] as? [String: Any] ?? [:], request, &state)
    }

    private func answer(
        _ text: String, _ variables: [String: Any], _ request: Request, _ state: inout State
    ) -> Reply {
        if text.contains("createRunFiles(") {
            return createFiles(variables, host: request.headers["host"] ?? "", &state)
        }
        if text.contains("upsertBucket(") { note(variables, &state) }
        if ["View", "view(", "models(", "ProjectInternalId"].contains(where: text.contains),
            let reply = pages(text, variables, &state)
        {
            return reply
        }
        do {
            let query = try GraphQLQuery(text, variables: variables)
            return answer(query.result(of: root(variables, host: request.headers["host"] ?? "", state)))
        } catch {
            state.violations.append("GraphQL that cannot be read: \(text.prefix(80))")
            return Reply(status: 400, body: Data(#"{"errors":[{"message":"syntax"}]}"#.utf8))
        }
    }

    /// Takes an UpsertBucket over: what is null stays as it was.
    private func note(_ variables: [String: Any], _ state: inout State) {
        guard let name = variables["name"] as? String else { return }
        var run =
            state.runs[name]
            ?? Run(
                entity: variables["entity"] as? String ?? Self.entity,
                project: variables["project"] as? String ?? "uncategorized")
        run.displayName = variables["displayName"] as? String ?? run.displayName
        run.tags = variables["tags"] as? [String] ?? run.tags
        run.config = variables["config"] as? String ?? run.config
        let known = attributes(run).merging(variables.filter { !($0.value is NSNull) }) { $1 }
        run.lastUpsert = (try? JSONSerialization.data(withJSONObject: ["variables": known])) ?? Data()
        run.state = "running"
        run.upserts += 1
        state.runs[name] = run
    }

    /// What UpsertBucket said of a run.
    func attributes(_ run: Run) -> [String: Any] {
        let body = try? JSONSerialization.jsonObject(with: run.lastUpsert) as? [String: Any]
        return body?["variables"] as? [String: Any] ?? [:]
    }

    private func root(
        _ variables: [String: Any], host: String, _ state: State
    ) -> GraphQLQuery.Fields {
        let user: GraphQLQuery.Fields = [
            "id": { _ in "VXNlcjox" }, "entity": { _ in Self.entity }, "username": { _ in "u" },
            "name": { _ in "u" }, "email": { _ in "u@example.invalid" }, "flags": { _ in "{}" },
            "teams": { _ in ["edges": { _ in [GraphQLQuery.Fields]() }] as GraphQLQuery.Fields },
        ]
        let find = { (name: Any?) -> GraphQLQuery.Fields? in
            guard let name = name as? String, let run = state.runs[name] else { return nil }
            return self.fields(run, name, user: user, host: host)
        }
        let project: GraphQLQuery.Fields = [
            "id": { _ in "P" }, "name": { _ in variables["project"] }, "internalId": { _ in "UDox" },
            "readOnly": { _ in false },
            "entity": { _ in ["id": { _ in "E" }, "name": { _ in Self.entity }] as GraphQLQuery.Fields },
            "run": { find($0["name"]) }, "bucket": { find($0["name"]) },
            "runCount": { self.matching($0["filters"], state).count },
            "runs": { arguments in
                Self.page(self.matching(arguments["filters"], state).compactMap { find($0) })
            },
        ]
        return [
            "viewer": { _ in user }, "project": { _ in project }, "model": { _ in project },
            "serverInfo": { _ in ["features": { _ in [GraphQLQuery.Fields]() }] as GraphQLQuery.Fields },
            "entity": { _ in ["organization": { _ in nil }] as GraphQLQuery.Fields },
            "upsertBucket": { _ in
                ["bucket": { _ in find(variables["name"]) }, "inserted": { _ in true }] as GraphQLQuery.Fields
            },
        ]
    }

    /// The ids of the runs that a Mongo filter by tags lets through, in their order.
    private func matching(_ filter: Any?, _ state: State) -> [String] {
        let filter = (filter as? String).flatMap { try? JSONValue(parsing: $0) }
        let wanted = filter?["tags"]?["$in"]?.elements?.compactMap(\.string)
        return state.runs.filter { run in wanted.map { !$0.allSatisfy { !run.value.tags.contains($0) } } ?? true }
            .keys.sorted()
    }

    static func page(_ nodes: [GraphQLQuery.Fields]) -> GraphQLQuery.Fields {
        [
            "edges": { _ in
                nodes.enumerated().map { index, node in
                    ["node": { _ in node }, "cursor": { _ in "\(index + 1)" }] as GraphQLQuery.Fields
                }
            },
            "pageInfo": { _ in
                ["endCursor": { _ in nil }, "hasNextPage": { _ in false }] as GraphQLQuery.Fields
            },
        ]
    }
}
