import Foundation
import JSON
import Synchronization
import WandB

/// A W&B server's memory and manners, apart from sockets: keeps what runs send, and notes every breach of protocol.
final class StandInBackend: Sendable {
    struct Request: Sendable {
        var method: String
        /// Percent-encoded, as it came.
        var path: String
        /// By their names in lower case.
        var headers: [String: String]
        var body: Data
    }

    struct Reply: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body = Data()
        /// Hang up instead of answering.
        var isReset = false
        /// Hang up after so many bytes of the body.
        var cutAfter: Int?
        var delay: Duration = .zero
    }

    /// What goes wrong with one request.
    enum Fault: Sendable {
        case none
        case refuse(status: Int, retryAfter: String? = nil)
        case failAfterTheWork(status: Int)
        case resetBeforeTheWork
        case resetAfterTheWork
        case slow(Duration)
        case redirect(to: String)
        /// A proxy's login page in the place of an answer.
        case page
        /// A success that says nothing in the place of an answer.
        case blank
    }

    struct Run: Sendable {
        var entity: String
        var project: String
        var displayName: String?
        var tags: [String] = []
        var config = ""
        var upserts = 0
        var history: [String] = []
        var events: [String] = []
        var output: [String] = []
        var summary: String?
        /// Names of files that the run said were uploaded.
        var uploaded: [String] = []
        /// Uploaded files by name.
        var files: [String: Data] = [:]
        var state = "running"
        var exitCodes: [Int] = []
        /// Lines that came again with other bytes.
        var rewritten = 0
        var lastBody = Data()
        /// The last UpsertBucket, which may come again.
        var lastUpsert = Data()
        /// How often each file was put, less how often it was named since.
        var unnamed: [String: Int] = [:]
        /// Whether a stop was pressed on the run's page.
        var isStopped = false
    }

    /// An alert in a run's name.
    struct Alert: Equatable, Sendable {
        let run, title, text: String
    }

    struct State {
        var runs: [String: Run] = [:]
        var violations: [String] = []
        var requests = 0
        var heartbeats = 0
        /// Upload addresses that were given out: the run and the file's name.
        var tickets: [String: (run: String, name: String)] = [:]
        var artifacts = Artifacts()
        var alerts: [Alert] = []
        var pages = Pages()
        var downloads = Downloads()
        var fault: @Sendable (Int, Request) -> Fault = { _, _ in .none }
    }

    static let key = "0123456789abcdef0123456789abcdef01234567"
    static let entity = "lab"

    private let state = Mutex(State())

    var violations: [String] { state.withLock { $0.violations } }
    var requests: Int { state.withLock { $0.requests } }
    var heartbeats: Int { state.withLock { $0.heartbeats } }
    var alerts: [Alert] { state.withLock { $0.alerts } }
    var artifacts: Artifacts {
        get { state.withLock { $0.artifacts } }
        set { state.withLock { $0.artifacts = newValue } }
    }
    var pages: Pages {
        get { state.withLock { $0.pages } }
        set { state.withLock { $0.pages = newValue } }
    }
    var downloads: Downloads {
        get { state.withLock { $0.downloads } }
        set { state.withLock { $0.downloads = newValue } }
    }
    func run(_ id: String) -> Run? { state.withLock { $0.runs[id] } }

    /// Chooses the fault of each request by its number, counted from 0.
    func inject(_ fault: @escaping @Sendable (Int, Request) -> Fault) { state.withLock { $0.fault = fault } }

    func pressStop(_ id: String) { state.withLock { $0.runs[id]?.isStopped = true } }

    /// Puts a run there as an earlier process left it.
    func put(_ run: Run, as id: String) { state.withLock { $0.runs[id] = run } }

    func handle(_ request: Request) -> Reply {
        state.withLock { state in
            let number = state.requests
            state.requests += 1
            switch state.fault(number, request) {
            case .none: return work(request, &state)
            case .refuse(let status, let retryAfter):
                return Reply(
                    status: status, headers: retryAfter.map { ["Retry-After": $0] } ?? [:],
                    body: Data(#"{"errors":[{"message":"injected"}]}"#.utf8))
            case .failAfterTheWork(let status):
                _ = work(request, &state)
                return Reply(status: status)
            case .resetBeforeTheWork: return Reply(isReset: true)
            case .resetAfterTheWork:
                _ = work(request, &state)
                return Reply(isReset: true)
            case .redirect(let url): return Reply(status: 302, headers: ["Location": url])
            case .page:
                return Reply(
                    headers: ["Content-Type": "text/html"],
                    body: Data("\n<!DOCTYPE html>\n<html>Log in</html>".utf8))
            case .blank: return Reply()
            case .slow(let delay):
                var reply = work(request, &state)
                reply.delay = delay
                return reply
            }
        }
    }

    private func work(_ request: Request, _ state: inout State) -> Reply {
        if request.path.hasPrefix("/get/") { return getSigned(request, &state) }
        if let reply = official(request, &state) { return reply }
        // What is fetched has no body whose length could be told.
        if request.method != "GET" { checkHead(request, &state) }
        if request.path.hasPrefix("/put/") { return put(request, &state) }
        let expected = "Basic " + Data("api:\(Self.key)".utf8).base64EncodedString()
        guard request.headers["authorization"] == expected else {
            state.violations.append("bad credentials on \(request.path)")
            return Reply(status: 401, body: Data(#"{"errors":[{"message":"invalid API key"}]}"#.utf8))
        }
        if request.method == "GET" { return getFile(request, &state) }
        if request.method != "POST" || request.headers["content-type"] != "application/json" {
            state.violations.append(
                "\(request.method) \(request.path) with \(request.headers["content-type"] ?? "no type")")
        }
        // JSONSerialization is strict: bare NaN outside strings fails here.
        guard let body = try? JSONSerialization.jsonObject(with: request.body) as? [String: Any] else {
            state.violations.append("no strict JSON on \(request.path)")
            return Reply(status: 400)
        }
        if request.path == "/graphql" {
            checkOperation(request, body, &state)
            return graphQL(body, request, &state)
        }
        let parts = request.path.split(separator: "/").compactMap { $0.removingPercentEncoding }
        guard parts.count == 5, parts[0] == "files", parts[4] == "file_stream" else {
            state.violations.append("unknown path \(request.path)")
            return Reply(status: 404)
        }
        return stream(entity: parts[1], project: parts[2], run: parts[3], body, request.body, &state)
    }

    // MARK: - GraphQL

    private func graphQL(_ body: [String: Any], _ request: Request, _ state: inout State) -> Reply {
        guard let query = body["query"] as? String, let variables = body["variables"] as? [String: Any] else {
            state.violations.append("GraphQL without query or variables")
            return Reply(status: 400)
        }
        let host = request.headers["host"] ?? ""
        if query.contains("upsertBucket(") { return upsert(variables, request.body, &state) }
        if query.contains("notifyScriptableRunAlert(") { return alert(variables, &state) }
        if query.contains("createRunFiles(") { return createFiles(variables, host: host, &state) }
        if let reply = artifacts(query, variables, host: host, &state) { return reply }
        if query.contains("files(") { return runFiles(variables, host: host, &state) }
        if query.contains("LatestRuns(") { return latestRuns(variables, state) }
        if let reply = pages(query, variables, &state) { return reply }
        if query.contains("model(") { return resumeStatus(variables, state) }
        if query.contains("viewer {") {
            return answer([
                "viewer": [
                    "id": "VXNlcjox", "entity": Self.entity, "username": "u", "flags": "{}",
                    "teams": ["edges": [["node": ["name": Self.entity]], ["node": ["name": "interp"]]]],
                ] as [String: Any]
            ])
        }
        state.violations.append("unknown GraphQL operation")
        return Reply(status: 400)
    }

    func answer(_ data: [String: Any]) -> Reply {
        guard let body = try? JSONSerialization.data(withJSONObject: ["data": data]) else {
            return Reply(status: 500)
        }
        return Reply(headers: ["Content-Type": "application/json"], body: body)
    }

    private func upsert(_ variables: [String: Any], _ bytes: Data, _ state: inout State) -> Reply {
        guard let name = variables["name"] as? String, let project = variables["project"] as? String else {
            state.violations.append("UpsertBucket without name or project")
            return Reply(status: 400)
        }
        let entity = variables["entity"] as? String ?? Self.entity
        let isNew = state.runs[name] == nil
        var run = state.runs[name] ?? Run(entity: entity, project: project)
        let isRepeat = bytes == run.lastUpsert
        if let id = variables["id"] as? String {
            if isNew || id != storageID(name) { state.violations.append("UpsertBucket with a foreign id") }
        } else if !isNew, !isRepeat {
            state.violations.append("UpsertBucket of a known run without its id")
        }
        run.lastUpsert = bytes
        checkUpsert(variables, &state)
        if let config = variables["config"] as? String {
            checkConfig(config, &state)
            run.config = config
        }
        run.displayName = variables["displayName"] as? String ?? run.displayName
        run.tags = variables["tags"] as? [String] ?? run.tags
        run.state = "running"
        run.upserts += 1
        state.runs[name] = run
        let owner: [String: Any] = ["id": "E", "name": entity]
        return answer([
            "upsertBucket": [
                "bucket": [
                    "id": storageID(name), "name": name, "displayName": run.displayName ?? "brave-run-1",
                    "project": ["id": "P", "name": project, "entity": owner], "historyLineCount": NSNull(),
                ],
                "inserted": isNew,
            ]
        ])
    }

    private func alert(_ variables: [String: Any], _ state: inout State) -> Reply {
        guard let run = variables["runName"] as? String, let known = state.runs[run],
            variables["entityName"] as? String == known.entity, variables["projectName"] as? String == known.project,
            let title = variables["title"] as? String, let text = variables["text"] as? String,
            ["INFO", "WARN", "ERROR"].contains(variables["severity"] as? String), variables["waitDuration"] is NSNumber
        else {
            state.violations.append("an alert without run, title, text or severity")
            return Reply(status: 400)
        }
        state.alerts.append(Alert(run: run, title: title, text: text))
        return answer(["notifyScriptableRunAlert": ["success": true]])
    }

    func storageID(_ name: String) -> String { Data("Run:v1:\(name)".utf8).base64EncodedString() }

    private func resumeStatus(_ variables: [String: Any], _ state: State) -> Reply {
        guard let name = variables["name"] as? String, let run = state.runs[name] else {
            return answer(["model": NSNull()])
        }
        func tail(_ lines: [String]) -> String {
            JSONValue.array(lines.suffix(1).map { .string($0) }).text
        }
        return answer([
            "model": [
                "id": "P", "name": run.project, "entity": ["id": "E", "name": run.entity],
                "bucket": [
                    "id": storageID(name), "name": name, "state": run.state, "config": run.config,
                    "summaryMetrics": run.summary ?? "{}", "historyLineCount": run.history.count,
                    "eventsLineCount": run.events.count, "logLineCount": run.output.count,
                    "historyTail": tail(run.history), "eventsTail": tail(run.events),
                    "wandbConfig": #"{"t":{}}"#,
                ],
            ]
        ])
    }
}
