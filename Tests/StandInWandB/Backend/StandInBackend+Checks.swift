import Foundation
import JSON
import WandB

// What W&B's own client promises about each request, beyond what a server needs to understand it.
extension StandInBackend {
    /// Length, name, credentials: true for every request.
    func checkHead(_ request: Request, _ state: inout State) {
        let headers = request.headers
        let what = "\(request.method) \(request.path.prefix { $0 != "?" })"
        if headers["transfer-encoding"] != nil || headers["content-length"] != "\(request.body.count)" {
            state.violations.append("\(what) without its length")
        }
        let agent = headers["user-agent"] ?? ""
        if agent != "wandb-core", !agent.hasPrefix("W&B Public Client") {
            state.violations.append("\(what) by '\(agent)'")
        }
        if headers["expect"] != nil { state.violations.append("\(what) that waits for a go-ahead") }
        let text = request.path + headers.filter { $0.key != "authorization" }.values.joined()
        // As bytes: to read a picture as text throws for each byte that is none, and tests note where each error came from.
        if text.contains(Self.key) || request.body.range(of: Data(Self.key.utf8)) != nil {
            state.violations.append("\(what) shows the key")
        }
    }

    /// A GraphQL operation goes by its own name and declares what it uses.
    func checkOperation(_ request: Request, _ body: [String: Any], _ state: inout State) {
        guard let query = body["query"] as? String else { return }
        let name = body["operationName"] as? String ?? ""
        if !name.isEmpty, query.range(of: "(query|mutation) \(name)\\b", options: .regularExpression) == nil {
            state.violations.append("operation \(name) is not in its document")
        }
        let variables = body["variables"] as? [String: Any] ?? [:]
        for name in variables.keys where !query.contains("$\(name):") {
            state.violations.append("variable \(name) is not declared")
        }
        for header in ["x-wandb-username", "x-wandb-user-email"] where request.headers[header] == nil {
            state.violations.append("GraphQL without \(header)")
        }
        for key in body.keys where !["query", "variables", "operationName"].contains(key) {
            state.violations.append("GraphQL with \(key)")
        }
    }

    func checkUpsert(_ variables: [String: Any], _ state: inout State) {
        for name in ["description", "debug", "state", "summaryMetrics"] where !(variables[name] is NSNull) {
            state.violations.append("UpsertBucket sets \(name)")
        }
        if variables["entity"] as? String == nil { state.violations.append("UpsertBucket without entity") }
        let texts = ["groupName", "displayName", "notes", "commit", "host", "program", "jobType", "config"]
        for name in texts where !(variables[name] is NSNull) && variables[name] as? String == nil {
            state.violations.append("UpsertBucket's \(name) is no text")
        }
        if let tags = variables["tags"], !(tags is NSNull) {
            let tags = tags as? [String] ?? []
            if tags.isEmpty || !tags.allSatisfy({ (1...64).contains($0.count) }) {
                state.violations.append("bad tags")
            }
        }
    }

    func checkConfig(_ text: String, _ state: inout State) {
        guard let config = try? JSONValue(parsing: text), case .object(let members) = config else {
            state.violations.append("config is no object")
            return
        }
        for member in members {
            guard case .object(let inner) = member.value, inner.map(\.name) == ["value"] else {
                state.violations.append("config key \(member.name) is no object of value")
                continue
            }
        }
        let wandb = config["_wandb"]?["value"]
        guard case .object(let telemetry)? = wandb?["t"], telemetry.allSatisfy({ Int($0.name) != nil }),
            case .object(let writers)? = wandb?["e"], writers.allSatisfy({ $0.value["host"]?.string != nil }),
            let metrics = wandb?["m"]?.elements,
            metrics.allSatisfy({ $0["1"]?.string != nil && $0["6"]?.elements != nil && $0["7"]?.elements != nil }),
            wandb?["cli_version"]?.string != nil
        else {
            state.violations.append("config's _wandb is \(wandb?.text ?? "missing")")
            return
        }
    }

    /// The summary holds the last value of everything in the history, and nothing else.
    func checkSummary(_ line: String, of history: [String], _ state: inout State) {
        guard let summary = try? JSONValue(parsing: line), case .object(let members) = summary,
            summary["_wandb"]?["runtime"]?.integer != nil
        else {
            state.violations.append("bad summary \(line.prefix(80))")
            return
        }
        var last: [String: JSONValue] = [:]
        for row in history {
            guard case .object(let values)? = try? JSONValue(parsing: row) else { continue }
            for value in values { last[value.name] = value.value }
        }
        let shown = Dictionary(members.filter { $0.name != "_wandb" }.map { ($0.name, $0.value) }) { $1 }
        if shown != last { state.violations.append("the summary is not the last of the history") }
    }

    func checkSteps(_ history: [String], _ state: inout State) {
        var last = -1
        for line in history {
            guard let row = try? JSONValue(parsing: line), let step = row["_step"]?.integer,
                let time = row["_timestamp"]?.double, time > 0, let runtime = row["_runtime"]?.double, runtime >= 0
            else {
                state.violations.append("bad history row \(line.prefix(80))")
                continue
            }
            if step <= last { state.violations.append("_step \(step) after \(last)") }
            last = step
        }
    }

    func checkEvent(_ line: String, _ state: inout State) {
        guard let row = try? JSONValue(parsing: line), case .object(let members) = row,
            row["_wandb"] == .bool(true), row["_timestamp"]?.double != nil, row["_runtime"]?.double != nil,
            members.allSatisfy({
                $0.name.hasPrefix("system.") || ["_wandb", "_timestamp", "_runtime"].contains($0.name)
            })
        else {
            state.violations.append("bad event \(line.prefix(80))")
            return
        }
    }

    func checkOutput(_ line: String, _ state: inout State) {
        let form = #"^(ERROR )?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} "#
        if line.range(of: form, options: .regularExpression) == nil {
            state.violations.append("bad console line \(line.prefix(80))")
        }
    }

    /// Whatever the history shows was uploaded, byte for byte, before the run ends.
    func checkMedia(_ run: Run, _ state: inout State) {
        for line in run.history {
            guard case .object(let members)? = try? JSONValue(parsing: line) else { continue }
            for member in members {
                guard let type = member.value["_type"]?.string else { continue }
                let required: [String]
                switch type {
                case "image-file": required = ["path", "sha256", "size", "width", "height", "format"]
                case "table-file": required = ["path", "sha256", "size", "nrows", "ncols", "log_mode"]
                case "histogram":
                    if member.value["bins"]?.elements?.count != (member.value["values"]?.elements?.count ?? 0) + 1 {
                        state.violations.append("histogram \(member.name) without an edge more than values")
                    }
                    continue
                default:
                    state.violations.append("\(member.name) is of unknown type \(type)")
                    continue
                }
                for name in required where member.value[name] == nil {
                    state.violations.append("\(type) \(member.name) without \(name)")
                }
                let path = member.value["path"]?.string ?? ""
                if run.files[path]?.count != member.value["size"]?.integer {
                    state.violations.append("\(path) was not uploaded as it is shown")
                }
            }
        }
    }
}
