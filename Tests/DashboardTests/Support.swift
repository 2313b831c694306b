import Foundation
import Glibc
import Layout
import Store
import Testing

@testable import Dashboard

/// A cache folder with a job, for one test.
final class Scene: Sendable {
    let cache: CacheFolder
    let runs: [RunID]

    /// Stores a job of so many runs with `lr` swept; the first is at work.
    init(
        runs count: Int = 3, experiment: String = "toy", task: String = #"{"on":true,"name":"a"}"#,
        overrides: (Int) -> String = { "[[\"lr\",\"\($0 + 1)e-3\"]]" }
    ) throws {
        cache = CacheFolder(path: NSTemporaryDirectory() + "/spd-ui-test-" + UUID().uuidString.prefix(8))
        let store = try Store(cache)
        let specs = (0..<count).map { index in
            NewSpec(
                experiment: experiment, config: "{\"lr\":\(index + 1)e-3,\"task_config\":\(task),\"seed\":0}",
                overrides: overrides(index), target: nil, steps: 100)
        }
        let job = try store.insertJob(
            NewJob(token: "spd-abcdefgh", submittedFrom: "/", executor: .local, agentCount: 1), specs: specs
        ) { _ in }.id
        runs = try store.specs(of: job).map(\.run)
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: job)
        if count > 0 { _ = try store.claimNext(of: job, by: agent, lease: .seconds(600)) }
    }

    deinit { try? FileManager.default.removeItem(atPath: cache.path) }

    /// Appends to a run's metrics; whole rows end in a line break.
    func append(_ text: String, to run: RunID) throws {
        let folder = cache.folder(of: run)
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        let file = try #require(fopen(folder.metrics, "a"))
        defer { fclose(file) }
        fputs(text, file)
    }

    func site() throws -> Site { try Site(cache: cache, environment: ["PATH": "/nowhere"]) }

    /// Serves the folder while `body` asks, which blocks: on a thread that the server does not need.
    ///
    /// `instead` answers in the place of what a worker would have drawn or computed.
    func serving(
        _ gate: Gate = Gate(), patience: Duration = .seconds(60),
        instead: @escaping @Sendable (Ask) -> Reply? = { _ in nil }, _ body: @escaping @Sendable (Client) throws -> Void
    ) async throws {
        let site = try site()
        defer { site.removeScratch() }
        let routes = Routes(site)
        let server = try DashboardServer.start(at: .port(0), gate: gate, patience: patience) {
            if let reply = instead($0) { return reply }
            return await routes.answer($0)
        }
        defer { server.stop() }
        let client = Client(port: try #require(server.port), token: gate.token)
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread { done.resume(with: Result { try body(client) }) }
        }
    }
}

/// A browser for tests: one connection per request, header fields as they are given.
struct Client: Sendable {
    let port: UInt16
    let token: String

    struct Answer {
        let status: Int
        let head: String
        let body: String

        func header(_ name: String) -> String? {
            head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
        }
    }

    /// Asks with the token, unless the header fields say otherwise.
    func ask(_ path: String, method: String = "GET", headers: [String: String?] = [:], body: String = "") throws
        -> Answer
    {
        var fields: [String: String?] = [
            "Host": "127.0.0.1:\(port)", "Authorization": "Bearer \(token)", "Connection": "close",
        ]
        if !body.isEmpty { fields["Content-Length"] = String(body.utf8.count) }
        fields.merge(headers) { $1 }
        let head = fields.compactMap { name, value in value.map { "\(name): \($0)\r\n" } }.joined()
        return try send("\(method) \(path) HTTP/1.1\r\n\(head)\r\n\(body)")
    }

    /// Sends some bytes as they are and reads to the end.
    func send(_ text: String) throws -> Answer {
        let socket = try connect()
        defer { close(socket) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(socket, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            bytes = bytes.dropFirst(count)
        }
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(socket, &buffer, buffer.count)
            guard count > 0 else { break }
            all += buffer[..<count]
        }
        let parts = String(decoding: all, as: UTF8.self).split(
            separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let head = String(parts.first ?? "")
        return Answer(
            status: Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0, head: head,
            body: parts.count > 1 ? String(parts[1]) : "")
    }

    /// An open connection on which nothing was said yet.
    func connect() throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return socket
    }
}
