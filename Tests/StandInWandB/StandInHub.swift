import Artifacts
import Foundation
import Synchronization

/// A hub on loopback with a second server that holds the large files, as the real one has.
final class StandInHub: Sendable {
    /// What a request met.
    struct Seen: Sendable {
        var path: String
        var authorization: String?
        var range: String?
        var isSecondServer: Bool
    }

    struct State: Sendable {
        var commit = String(repeating: "c0ffee12", count: 5)
        /// Files of a repository by their paths.
        var files: [String: Data] = [:]
        /// Replies to give before the right ones.
        var faults: [StandInBackend.Reply] = []
        /// The same for the second server.
        var storeFaults: [StandInBackend.Reply] = []
        /// How many bytes of each large file come before the connection breaks, one entry per request.
        var cuts: [Int] = []
        /// The end of the path of the file that is cut; nil for all.
        var cutFile: String?
        /// What the hub says each file's commit is, where it is not the one asked for.
        var otherCommit: String?
        /// What the second server holds instead of the file.
        var impostor: Data?
        var convertedSplits: [String] = []
        var seen: [Seen] = []
    }

    let state = Mutex(State())
    private let servers: Mutex<[HangUpServer]> = Mutex([])
    let endpoint: String

    init(files: [String: Data]) throws {
        let box = Box()
        let second = try HangUpServer(answering: { request in box.hub?.large(request) ?? .init(status: 500) })
        let first = try HangUpServer(answering: { request in
            box.hub?.answer(request, second: second.baseURL) ?? .init(status: 500)
        })
        endpoint = first.baseURL
        servers.withLock { $0 = [first, second] }
        state.withLock { $0.files = files }
        box.hub = self
    }

    func stop() {
        servers.withLock { servers in servers.forEach { $0.stop() } }
    }

    /// Breaks the circle of servers that ask a hub that holds them.
    private final class Box: @unchecked Sendable {
        // Set once, before any request is made.
        weak var hub: StandInHub?
    }

    private func answer(_ request: StandInBackend.Request, second: String) -> StandInBackend.Reply {
        state.withLock { state in
            note(request, isSecondServer: false, in: &state)
            if !state.faults.isEmpty { return state.faults.removeFirst() }
            if request.path.hasPrefix("/api/") {
                let siblings = state.files.map { path, data in
                    "{\"rfilename\": \"\(path)\", \"size\": \(data.count)}"
                }
                if request.path.hasSuffix("/parquet") { return .init(status: 404) }
                return .init(
                    body: Data(
                        "{\"sha\": \"\(state.commit)\", \"siblings\": [\(siblings.joined(separator: ","))]}".utf8))
            }
            guard let (path, data) = state.files.first(where: { request.path.hasSuffix("/" + $0.key) }),
                request.path.contains("/resolve/\(state.commit)/")
            else { return .init(status: 404, headers: ["X-Error-Code": "EntryNotFound"]) }
            let commit = state.otherCommit ?? state.commit
            guard data.count > 100 else {
                return .init(headers: ["X-Repo-Commit": commit, "ETag": "\"abc\(data.count)\""], body: data)
            }
            let digest = SHA256.hex([UInt8](data))
            return .init(
                status: 302,
                headers: [
                    "X-Repo-Commit": commit, "X-Linked-Etag": "\"\(digest)\"", "X-Linked-Size": "\(data.count)",
                    "Location": "\(second)/blobs/\(path)?signature=secret",
                ])
        }
    }

    private func large(_ request: StandInBackend.Request) -> StandInBackend.Reply {
        state.withLock { state in
            note(request, isSecondServer: true, in: &state)
            if !state.storeFaults.isEmpty { return state.storeFaults.removeFirst() }
            let path = request.path.dropFirst("/blobs/".count).prefix { $0 != "?" }
            guard var data = state.impostor ?? state.files[String(path)] else { return .init(status: 404) }
            var reply = StandInBackend.Reply()
            let range = request.headers["range"]?.dropFirst("bytes=".count).dropLast()
            if let start = range.flatMap({ Int($0) }) {
                guard start < data.count else { return .init(status: 416) }
                reply.status = 206
                reply.headers["Content-Range"] = "bytes \(start)-\(data.count - 1)/\(data.count)"
                data = data.dropFirst(start)
            }
            reply.body = Data(data)
            if !state.cuts.isEmpty, state.cutFile.map(path.hasSuffix) ?? true {
                reply.cutAfter = state.cuts.removeFirst()
            }
            return reply
        }
    }

    private func note(_ request: StandInBackend.Request, isSecondServer: Bool, in state: inout State) {
        state.seen.append(
            Seen(
                path: request.path, authorization: request.headers["authorization"], range: request.headers["range"],
                isSecondServer: isSecondServer))
    }
}
