import Foundation
import HTTP
import JSON

/// The calls that a run's tracking makes to a W&B server, each one request.
///
/// The key goes to the base URL and nowhere else.
final class WandBAPI {
    /// Replies that are no success become failures.
    typealias Reply<Value> = Result<Value, CallFailure>

    let settings: WandBSettings
    private let key: APIKey
    private let client: HTTPClient
    /// Uploads go to other hosts: on their own handle, which has never held the key.
    private var uploadClient: HTTPClient?
    private let pacing: SendPacing
    private let budget: RequestBudget?
    private let answerTimeout: Duration
    /// How many requests went to the server.
    private(set) var requests = 0
    /// Asked while a request runs; true ends it.
    var isCancelled: () -> Bool = { false }

    init(
        settings: WandBSettings, key: APIKey, client: HTTPClient, pacing: SendPacing,
        budget: RequestBudget? = nil, limit: Duration? = nil
    ) {
        self.settings = settings
        self.key = key
        self.client = client
        self.pacing = pacing
        self.budget = budget
        let timeout = settings.answerTimeout ?? pacing.graphQLTimeout
        answerTimeout = limit.map { min($0, timeout) } ?? timeout
    }

    /// The account's default entity.
    func defaultEntity() -> Reply<String> {
        account().flatMap { account in
            guard let entity = account.defaultEntity else {
                return .failure(CallFailure(.refused, "the account has no default entity; set WANDB_ENTITY"))
            }
            return .success(entity)
        }
    }

    /// Whom the key belongs to.
    func account() -> Reply<Account> {
        graphQL(.viewer, variables: []).flatMap { data in
            guard let account = Account(reply: data) else {
                return .failure(CallFailure(.refused, "\(host) does not know this API key"))
            }
            return .success(account)
        }
    }

    /// What the server has from a run, or nil if it has none.
    func resumeStatus(project: String, entity: String, run: String) -> Reply<ServerRun?> {
        let variables: [JSONValue.Member] = [
            .init("project", .string(project)), .init("entity", .string(entity)), .init("name", .string(run)),
        ]
        return graphQL(.runResumeStatus, variables: variables).map { ServerRun(reply: $0) }
    }

    /// Creates a run, or updates the one with that storage id.
    func upsert(_ run: SpooledRun, project: String, entity: String, storageID: String?) -> Reply<CreatedRun> {
        let variables = run.upsertVariables(project: project, entity: entity, storageID: storageID)
        return graphQL(.upsertBucket, variables: variables).flatMap { data in
            guard let created = CreatedRun(reply: data) else {
                return .failure(CallFailure(.transient, "\(host) answered UpsertBucket without a run"))
            }
            return .success(created)
        }
    }

    /// Posts lines of a run.
    func stream(_ body: [UInt8], entity: String, project: String, run: String) -> Reply<StreamReply> {
        let url = BaseURL.join(settings.baseURL, ["files", entity, project, run, "file_stream"])
        return post(url, body: body, timeout: pacing.streamTimeout).flatMap { response in
            // A proxy's login page or empty answer also looks like a success, but has taken no row. W&B answers with
            // an object, without which its own client sends again.
            guard let reply = try? JSONValue(parsing: response.body), case .object = reply else {
                let what = response.body.isEmpty ? "nothing" : "no JSON object"
                return .failure(CallFailure(.transient, "\(host) answered a run's rows with \(what)"))
            }
            return .success(
                StreamReply(isStopped: reply["stopped"] == .bool(true), spacing: StreamReply.spacing(response)))
        }
    }

    /// Asks where files may be uploaded to.
    func createFiles(_ names: [String], entity: String, project: String, run: String) -> Reply<[UploadTicket]> {
        let variables: [JSONValue.Member] = [
            .init("entity", .string(entity)), .init("project", .string(project)), .init("run", .string(run)),
            .init("files", .array(names.map { .string($0) })),
        ]
        return graphQL(.createRunFiles, variables: variables).flatMap { data in
            let tickets = UploadTicket.tickets(reply: data, baseURL: settings.baseURL)
            guard tickets.count == names.count else {
                return .failure(
                    CallFailure(
                        .transient, "\(host) gave \(tickets.count) addresses for \(names.count) files"))
            }
            return .success(tickets)
        }
    }

    /// Puts a file, a part of one, or bytes where a ticket says, without credentials.
    ///
    /// `meanwhile` is called now and then while bytes move, and about once a second while none do.
    func upload(_ body: HTTPRequest.Body, to ticket: UploadTicket, meanwhile: @escaping () -> Void) -> Reply<Void> {
        var request = HTTPRequest(method: "PUT", url: ticket.url, headers: ticket.headers, body: body)
        request.connectTimeout = pacing.connectTimeout
        request.timeout = nil
        request.stallTimeout = pacing.uploadStall
        do {
            let client = if let uploadClient { uploadClient } else { try settings.makeClient() }
            uploadClient = client
            // Stores elsewhere have no part in the server's quota.
            let isOwn = BaseURL.isSameOrigin(ticket.url, settings.baseURL)
            if isOwn { requests += 1 }
            let response = try client.send(request) { [self] in
                meanwhile()
                return isCancelled()
            }
            if isOwn { budget?.heed(response, at: .now) }
            // The address is its own secret; its host is none.
            let store = URLComponents(string: ticket.url)?.host ?? "the object store"
            guard !response.isPage else {
                return .failure(
                    CallFailure(.transient, "\(store) answered the upload of \(ticket.name) with a web page"))
            }
            guard !response.isSuccess else { return .success(()) }
            let mayRetry = response.status == 429 || (response.status >= 500 && response.status != 501)
            return .failure(
                CallFailure(
                    mayRetry ? .transient : .refused,
                    "\(store) answered \(response.status) to the upload of \(ticket.name)",
                    retryAfter: CallFailure.retryAfter(
                        response.header("Retry-After"), now: Date().timeIntervalSince1970)))
        } catch {
            return .failure(CallFailure(error))
        }
    }

    /// The server's name, for messages.
    var host: String { URLComponents(string: settings.baseURL)?.host ?? settings.baseURL }

    /// Sends an operation and gives the reply's data.
    func graphQL(_ document: GraphQLDocument, variables: [JSONValue.Member]) -> Reply<JSONValue> {
        let body = JSONValue.object([
            .init("query", .string(document.text)), .init("variables", .object(variables)),
            .init("operationName", .string(document.operationName)),
        ])
        let reply = post(
            settings.baseURL + "/graphql", body: Array(body.text.utf8), timeout: answerTimeout,
            headers: [("X-WANDB-USERNAME", settings.username), ("X-WANDB-USER-EMAIL", settings.userEmail)])
        return reply.flatMap { response in
            guard let reply = try? JSONValue(parsing: response.body) else {
                return .failure(
                    CallFailure(.transient, "\(host) answered \(document.operationName) with no JSON"))
            }
            if let message = Self.errorMessage(reply) {
                let isMissing = message.range(of: "not found", options: .caseInsensitive) != nil
                return .failure(
                    failure(
                        isMissing ? .missing : .refused, "\(host) refused \(document.operationName): \(message)"))
            }
            guard let data = reply["data"], data != .null else {
                return .failure(
                    CallFailure(.transient, "\(host) answered \(document.operationName) without data"))
            }
            return .success(data)
        }
    }

    private func post(
        _ url: String, body: [UInt8], timeout: Duration, headers: [(name: String, value: String)] = []
    ) -> Reply<HTTPResponse> {
        var request = HTTPRequest(method: "POST", url: url, body: .bytes(body))
        request.headers = [("Authorization", key.authorization), ("Content-Type", "application/json")] + headers
        request.connectTimeout = pacing.connectTimeout
        request.timeout = timeout
        let response: HTTPResponse
        do {
            requests += 1
            response = try client.send(request, isCancelled: isCancelled)
            budget?.heed(response, at: .now)
        } catch {
            return .failure(CallFailure(error))
        }
        guard !response.isSuccess else { return .success(response) }
        let message = (try? JSONValue(parsing: response.body)).flatMap(Self.errorMessage)
        return .failure(
            failure(
                CallFailure.kind(ofStatus: response.status),
                "\(host) answered \(response.status)\(message.map { ": \($0)" } ?? "")",
                retryAfter: CallFailure.retryAfter(
                    response.header("Retry-After"), now: Date().timeIntervalSince1970)))
    }

    /// A failure with the server's words, which might repeat what it was sent.
    private func failure(_ kind: CallFailure.Kind, _ text: String, retryAfter: Duration? = nil) -> CallFailure {
        CallFailure(kind, key.redacted(from: text), retryAfter: retryAfter)
    }

    private static func errorMessage(_ reply: JSONValue) -> String? {
        guard let errors = reply["errors"]?.elements, let first = errors.first else { return nil }
        let message = first["message"]?.string ?? first.text
        return String(message.prefix(200).filter { !$0.isNewline })
    }
}

extension HTTPResponse {
    /// Whether a success is a web page: a proxy's login, whatever was asked.
    fileprivate var isPage: Bool {
        guard isSuccess else { return false }
        let start = String(decoding: body.prefix(512), as: UTF8.self).lowercased().trimmingPrefix(while: \.isWhitespace)
        return start.hasPrefix("<!doctype html") || start.hasPrefix("<html")
    }
}

/// What UpsertBucket answered: the names to use from then on.
struct CreatedRun: Equatable {
    let storageID: String
    let entity: String
    let project: String

    init?(reply data: JSONValue) {
        guard let bucket = data["upsertBucket"]?["bucket"], let id = bucket["id"]?.string,
            let project = bucket["project"]?["name"]?.string,
            let entity = bucket["project"]?["entity"]?["name"]?.string
        else { return nil }
        storageID = id
        self.project = project
        self.entity = entity
    }
}

/// What the server has from a run.
struct ServerRun: Equatable {
    let storageID: String
    let state: String?
    let historyLines: Int
    let eventsLines: Int
    let outputLines: Int
    /// The last `_step` it has.
    let lastStep: Int?

    init?(reply data: JSONValue) {
        guard let bucket = data["model"]?["bucket"], let id = bucket["id"]?.string else { return nil }
        storageID = id
        state = bucket["state"]?.string
        historyLines = bucket["historyLineCount"]?.integer ?? 0
        eventsLines = bucket["eventsLineCount"]?.integer ?? 0
        outputLines = bucket["logLineCount"]?.integer ?? 0
        lastStep = Self.lastRow(bucket["historyTail"])?["_step"]?.integer
    }

    /// A tail is a JSON text of a list of JSON texts.
    private static func lastRow(_ tail: JSONValue?) -> JSONValue? {
        guard let text = tail?.string, let rows = (try? JSONValue(parsing: text))?.elements,
            let last = rows.last?.string
        else { return nil }
        return try? JSONValue(parsing: last)
    }

    /// Whether the run's exit arrived; a crashed run is one whose exit is still missing.
    var hasExit: Bool { ["finished", "failed", "killed"].contains(state) }

    func lines(of stream: SpoolFolder.Stream) -> Int {
        switch stream {
        case .history: historyLines
        case .events: eventsLines
        case .output: outputLines
        // The server does not count them.
        case .files: 0
        }
    }
}

/// What file_stream answered.
struct StreamReply: Equatable {
    /// Someone pressed stop on the run's page.
    let isStopped: Bool
    /// The time between requests that the server's quota leaves.
    let spacing: Duration

    static func spacing(_ response: HTTPResponse) -> Duration {
        guard let remaining = response.header("RateLimit-Remaining").flatMap(Double.init),
            let reset = response.header("RateLimit-Reset").flatMap(Double.init),
            remaining.isFinite, reset.isFinite, reset > 0
        else { return .zero }
        return .seconds(min(reset / max(remaining, 1), 300))
    }
}
