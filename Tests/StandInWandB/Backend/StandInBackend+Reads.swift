import Foundation
import JSON
import WandB

// A run as W&B's public API reads it.
extension StandInBackend {
    func fields(
        _ run: Run, _ name: String, user: GraphQLQuery.Fields, host: String
    ) -> GraphQLQuery.Fields {
        let attributes = attributes(run)
        let owner: GraphQLQuery.Fields = ["id": { _ in "E" }, "name": { _ in run.entity }]
        let date = "2026-11-23T06:14:55.029Z"
        var fields: GraphQLQuery.Fields = [
            "id": { _ in self.storageID(name) }, "projectId": { _ in "1" }, "name": { _ in name },
            "displayName": { _ in run.displayName ?? "brave-run-1" }, "tags": { _ in run.tags },
            "state": { _ in run.state }, "config": { _ in run.config.isEmpty ? "{}" : run.config },
            "summaryMetrics": { _ in run.summary ?? "{}" }, "systemMetrics": { _ in run.events.last ?? "{}" },
            "group": { _ in attributes["groupName"] }, "jobType": { _ in attributes["jobType"] },
            "notes": { _ in attributes["notes"] }, "commit": { _ in attributes["commit"] },
            "description": { _ in attributes["description"] }, "host": { _ in attributes["host"] },
            "readOnly": { _ in false }, "createdAt": { _ in date }, "heartbeatAt": { _ in date },
            "user": { _ in user },
            "project": { _ in
                ["id": { _ in "P" }, "name": { _ in run.project }, "entity": { _ in owner }]
                    as GraphQLQuery.Fields
            },
        ]
        fields.merge(lineFields(run)) { $1 }
        fields.merge(fileFields(run, name, host: host)) { $1 }
        return fields
    }

    private func lineFields(_ run: Run) -> GraphQLQuery.Fields {
        let rows = run.history.compactMap { try? JSONValue(parsing: $0) }
        return [
            "historyLineCount": { _ in run.history.count }, "eventsLineCount": { _ in run.events.count },
            "logLineCount": { _ in run.output.count }, "historyTail": { _ in Self.tail(run.history) },
            "eventsTail": { _ in Self.tail(run.events) }, "wandbConfig": { _ in #"{"t":{}}"# },
            "events": { _ in run.events },
            "history": { arguments in
                let from = (arguments["minStep"] as? NSNumber)?.intValue ?? 0
                let to = (arguments["maxStep"] as? NSNumber)?.intValue ?? Int.max
                return zip(run.history, rows).filter { (from..<to).contains($0.1["_step"]?.integer ?? -1) }.map(\.0)
            },
            "sampledHistory": { arguments in
                (arguments["specs"] as? [Any] ?? []).map { Self.sample(rows, spec: $0 as? String ?? "{}") }
            },
            "historyKeys": { _ in Self.keys(rows) },
            "parquetHistory": { _ in
                ["parquetUrls": { _ in [String]() }, "liveData": { _ in [String]() }] as GraphQLQuery.Fields
            },
            "logLines": { arguments in
                let last = (arguments["last"] as? NSNumber)?.intValue ?? run.output.count
                let lines = Array(run.output.enumerated()).suffix(last)
                return Self.page(lines.map { Self.console($0.element, number: $0.offset) })
            },
        ]
    }

    private func fileFields(_ run: Run, _ name: String, host: String) -> GraphQLQuery.Fields {
        [
            "fileCount": { _ in run.files.count },
            "files": { arguments in
                let wanted = (arguments["names"] as? [String] ?? [])
                let files = run.files.filter { wanted.isEmpty || wanted.contains($0.key) }.sorted { $0.key < $1.key }
                return Self.page(
                    files.map { file, bytes in
                        let url = "http://\(host)/files/\(run.entity)/\(run.project)/\(name)/\(file)"
                        return [
                            "id": { _ in Data(file.utf8).base64EncodedString() }, "name": { _ in file },
                            "url": { _ in url }, "directUrl": { _ in url }, "sizeBytes": { _ in bytes.count },
                            "mimetype": { _ in "application/octet-stream" },
                            "updatedAt": { _ in "2026-11-23T06:14:55.408Z" }, "md5": { _ in "" },
                        ]
                    })
            },
        ]
    }

    private static func tail(_ lines: [String]) -> String {
        JSONValue.array(lines.suffix(1).map { .string($0) }).text
    }

    /// The rows that have all keys of a spec, with only those.
    private static func sample(_ rows: [JSONValue], spec text: String) -> [[String: Any]] {
        guard let spec = try? JSONValue(parsing: text) else { return [] }
        let keys = spec["keys"]?.elements?.compactMap(\.string) ?? []
        let steps = (spec["minStep"]?.integer ?? 0)...(spec["maxStep"]?.integer ?? Int.max)
        return rows.compactMap { row in
            guard steps.contains(row["_step"]?.integer ?? -1) else { return nil }
            var sampled: [String: Any] = [:]
            for key in keys {
                guard let value = value(at: key, of: row) else { return nil }
                sampled[key] = plain(value)
            }
            return sampled
        }
    }

    private static func value(at key: String, of row: JSONValue) -> JSONValue? {
        if let whole = row[key] { return whole }
        return key.split(separator: ".").reduce(row as JSONValue?) { $0?[String($1)] }
    }

    private static func keys(_ rows: [JSONValue]) -> [String: Any] {
        var counts: [String: Int] = [:]
        var last: [String: Any] = [:]
        for case .object(let members) in rows {
            for member in members {
                counts[member.name, default: 0] += 1
                last[member.name] = plain(member.value)
            }
        }
        return [
            "lastStep": rows.last?["_step"]?.integer ?? -1,
            "keys": counts.mapValues { count in
                ["typeCounts": [["type": "number", "count": count]], "monotonic": false, "previousValue": 0]
                    as [String: Any]
            },
        ]
    }

    /// A value in strict JSON: what JSON has no word for becomes a string.
    private static func plain(_ value: JSONValue) -> Any {
        let data = Data(value.text.utf8)
        return (try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)) ?? value.text
    }

    /// `[ERROR ]<time> <text>`.
    private static func console(_ line: String, number: Int) -> GraphQLQuery.Fields {
        let isError = line.hasPrefix("ERROR ")
        let parts = line.dropFirst(isError ? 6 : 0).split(
            separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        return [
            "number": { _ in number }, "timestamp": { _ in parts.first.map(String.init) },
            "level": { _ in isError ? "error" : nil }, "label": { _ in nil },
            "line": { _ in parts.count > 1 ? String(parts[1]) : "" },
        ]
    }
}
