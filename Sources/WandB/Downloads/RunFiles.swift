internal import Artifacts
import Foundation
import HTTP
import JSON

/// The files of one run on W&B, to be listed and downloaded.
///
/// The key goes to the server's own addresses only: not to those where files are really kept, and not after a
/// redirect that leads elsewhere. It belongs to one thread at a time.
public final class RunFiles {
    /// The entity that the run belongs to.
    public let entity: String
    private let project: String
    private let id: String
    private let api: WandBAPI
    private let key: APIKey
    private let base: BaseURL
    private let patience: Deadline
    /// For addresses that are not the server's own: this handle has never held the key.
    private let stranger: HTTPClient
    private let client: HTTPClient

    private static let largestFile = 1 << 30
    private static let redirects = 5

    /// Finds out what is needed to ask for a run.
    ///
    /// - Parameters:
    ///   - entity: who it belongs to; nil for the settings' or the account's default.
    ///   - project: its project.
    ///   - id: its id, as in its address.
    ///   - settings: the server and the key.
    ///   - limit: how long everything may take.
    ///   - isCancelled: asked every now and then; true gives up.
    /// - Throws: why nothing can be asked.
    public init(
        entity: String?, project: String, id: String, settings: WandBSettings, limit: Duration,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(RunFilesError) {
        guard let key = settings.apiKey else { throw .noKey("no WANDB_API_KEY is set") }
        patience = Deadline(limit: limit, firstPause: .milliseconds(200), isCancelled: isCancelled)
        do {
            base = try BaseURL(settings.baseURL)
            api = try WandBAPI(settings: settings, key: key, patience: patience)
            client = try settings.makeClient()
            stranger = try settings.makeClient()
        } catch {
            throw .failed("\(error)")
        }
        self.key = key
        self.project = project
        self.id = id
        if let entity {
            self.entity = entity
        } else {
            let (api, patience) = (api, patience)
            self.entity = try Self.told(patience, api.host) { () throws(CallFailure) in try api.entity(patience) }
        }
    }

    /// All files of the run.
    ///
    /// - Throws: `unknownProject` or `unknownRun`, with what there is instead.
    public func list() throws(RunFilesError) -> [RemoteFile] {
        guard let files = try told({ () throws(CallFailure) in try pages() }) else { throw try missing() }
        return files
    }

    /// A file's bytes, which are what the server says they are.
    ///
    /// - Throws: `damaged` if size or digest differ each time it is fetched.
    public func bytes(of file: RemoteFile) throws(RunFilesError) -> [UInt8] {
        var damage: RunFilesError?
        for _ in 0..<3 {
            let bytes = try told { () throws(CallFailure) in
                try patience.call { self.fetch(file) }
            }
            guard let reason = Self.difference(bytes, file) else { return bytes }
            damage = .damaged(file: file.name, reason: reason)
        }
        throw damage ?? .interrupted
    }

    private static func difference(_ bytes: [UInt8], _ file: RemoteFile) -> String? {
        if let size = file.size, bytes.count != size { return "\(bytes.count) bytes of \(size)" }
        guard let md5 = file.md5 else { return nil }
        return ArtifactFile.base64MD5(bytes) == md5 ? nil : "its digest differs"
    }

    private func told<Value>(_ body: () throws(CallFailure) -> Value) throws(RunFilesError) -> Value {
        try Self.told(patience, api.host, body)
    }

    private static func told<Value>(
        _ patience: Deadline, _ host: String, _ body: () throws(CallFailure) -> Value
    ) throws(RunFilesError) -> Value {
        do throws(CallFailure) { return try body() } catch {
            if error.kind == .cancelled, patience.isCancelled() { throw .interrupted }
            throw .failed(patience.explanation(of: error, host: host))
        }
    }
}

// MARK: Bytes

extension RunFiles {
    private func fetch(_ file: RemoteFile) -> WandBAPI.Reply<[UInt8]> {
        var last = CallFailure(.missing, "\(file.name) has no address")
        for address in file.addresses {
            switch fetch(address, file) {
            case .success(let bytes): return .success(bytes)
            case .failure(let failure):
                last = failure
                // Only if an address is refused or empty is the next one worth trying.
                guard [.refused, .missing].contains(failure.kind) else { return .failure(failure) }
            }
        }
        return .failure(last)
    }

    private func fetch(_ address: String, _ file: RemoteFile) -> WandBAPI.Reply<[UInt8]> {
        if let size = file.size, size > Self.largestFile {
            return .failure(CallFailure(.refused, "\(file.name) is \(size) bytes, too large for a target"))
        }
        var address = address
        for _ in 0...Self.redirects {
            let isOwn = base.covers(address)
            var request = HTTPRequest(method: "GET", url: address)
            if isOwn { request.headers.append(("Authorization", key.authorization)) }
            request.timeout = nil
            request.maximumReplyBytes = Self.largestFile
            let response: HTTPResponse
            do {
                let patience = patience
                response = try (isOwn ? client : stranger).send(request) { patience.isOver }
            } catch {
                return .failure(CallFailure(error))
            }
            if response.isSuccess { return .success(response.body) }
            guard (300..<400).contains(response.status), let location = response.header("Location"),
                let next = URL(string: location, relativeTo: URL(string: address))?.absoluteString
            else {
                // Addresses may be secrets of their own and stay out of the message.
                return .failure(
                    CallFailure(
                        CallFailure.kind(ofStatus: response.status),
                        "\(api.host) answered \(response.status) for \(file.name)",
                        retryAfter: CallFailure.retryAfter(
                            response.header("Retry-After"), now: Date().timeIntervalSince1970)))
            }
            address = next
        }
        return .failure(CallFailure(.refused, "\(file.name) is redirected without end"))
    }
}

// MARK: Listing

extension RunFiles {
    private static let pageSize = 100
    private static let mostPages = 200

    /// Everything the server lists; nil if it has no such project or run.
    private func pages() throws(CallFailure) -> [RemoteFile]? {
        var files: [RemoteFile] = []
        var cursor: String?
        for _ in 0..<Self.mostPages {
            let page = cursor
            let data = try patience.call {
                api.graphQL(
                    .runFiles,
                    variables: [
                        .init("project", .string(project)), .init("entity", .string(entity)),
                        .init("name", .string(id)), .init("fileCursor", page.map { .string($0) } ?? .null),
                        .init("fileLimit", .number(Self.pageSize)),
                    ])
            }
            guard let run = data["project"]?["run"], case .object = run else { return nil }
            let edges = run["files"]?["edges"]?.elements ?? []
            files += edges.compactMap { RemoteFile(reply: $0["node"], baseURL: base.text) }
            let info = run["files"]?["pageInfo"]
            guard info?["hasNextPage"] == .bool(true), let next = info?["endCursor"]?.string, next != cursor else {
                break
            }
            cursor = next
        }
        return files
    }

    /// Whether it is the project or the run that does not exist, and what is.
    private func missing() throws(RunFilesError) -> RunFilesError {
        let data = try told { () throws(CallFailure) in
            try patience.call {
                api.graphQL(
                    .latestRuns,
                    variables: [.init("project", .string(project)), .init("entity", .string(entity))])
            }
        }
        let nodes = { (connection: JSONValue?) in
            (connection?["edges"]?.elements ?? []).compactMap { $0["node"]?["name"]?.string }
        }
        guard let found = data["project"], case .object = found else {
            return .unknownProject(project: project, entity: entity, known: nodes(data["models"]))
        }
        return .unknownRun(id: id, project: project, entity: entity, latest: nodes(found["runs"]))
    }
}

extension GraphQLDocument {
    fileprivate static let runFiles = GraphQLDocument(
        operationName: "RunFiles",
        text: """
            query RunFiles(
              $project: String!, $entity: String!, $name: String!, $fileCursor: String, $fileLimit: Int = 50
            ) {
              project(name: $project, entityName: $entity) {
                run(name: $name) {
                  fileCount
                  files(after: $fileCursor, first: $fileLimit) {
                    edges { node { id name url(upload: false) directUrl sizeBytes md5 } cursor }
                    pageInfo { endCursor hasNextPage }
                  }
                }
              }
            }
            """)

    fileprivate static let latestRuns = GraphQLDocument(
        operationName: "LatestRuns",
        text: """
            query LatestRuns($project: String!, $entity: String!) {
              project(name: $project, entityName: $entity) {
                runs(first: 6, order: "-created_at") { edges { node { name } } }
              }
              models(entityName: $entity, first: 6) { edges { node { name } } }
            }
            """)
}
