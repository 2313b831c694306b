import FlyingFox
import FlyingSocks
import Foundation
package import Orchestration

/// The server of `orchestrator ui`: its sockets, and nothing of what it serves.
package struct DashboardServer: Sendable {
    /// Where it listens.
    package enum Place: Sendable, Equatable {
        /// A port of 127.0.0.1; 0 for any that is free.
        case port(UInt16)
        /// A Unix socket that only its owner may use.
        case socket(String)
    }

    /// The port, where it listens on one.
    package let port: UInt16?
    private let server: Task<Void, any Error>

    /// Browsers keep a connection for some time; one that takes nothing for so long is given up.
    private static let patience = Duration.seconds(60)
    /// A request that takes longer has met a dead file server.
    private static let longest = 120.0
    /// No request has more behind its header.
    private static let largestBody = 1 << 20

    /// Starts to listen.
    ///
    /// - Throws: ``Failure`` for a port or a path that is taken or cannot be used.
    package static func start(
        at place: Place, gate: Gate, patience: Duration = Self.patience,
        answer: @escaping @Sendable (Ask) async -> Reply
    ) async throws(Failure) -> DashboardServer {
        let handler = Door(gate: gate, answer: answer)
        func server(_ address: some SocketAddress) -> HTTPServer {
            HTTPServer(
                config: .init(
                    address: address, timeout: longest,
                    pool: PatientPool(base: HTTPServer.defaultPool(), patience: patience),
                    logger: .disabled), handler: handler)
        }
        do {
            switch place {
            case .port(let port):
                let first = server(try .inet(ip4: "127.0.0.1", port: port))
                let running = Task { try await first.run() }
                let bound = try await listening(first, running)
                // More connections at once than a process may have open end the server; it comes back on its port.
                let others = Task { [bound] in
                    // What is stopped stops listening, too: a result alone would be waited for.
                    func end(of server: Task<Void, any Error>) async -> Result<Void, any Error> {
                        await withTaskCancellationHandler {
                            await server.result
                        } onCancel: {
                            server.cancel()
                        }
                    }
                    var result = await end(of: running)
                    while !Task.isCancelled, case .failure = result {
                        try await Task.sleep(for: .milliseconds(200))
                        let next = server(try .inet(ip4: "127.0.0.1", port: bound ?? port))
                        result = await end(of: Task { try await next.run() })
                    }
                }
                return DashboardServer(port: bound, server: others)
            case .socket(let path):
                try free(path)
                let only = server(.unix(path: path))
                // The socket is nobody else's from its first moment.
                let mask = umask(0o177)
                let running = Task { try await only.run() }
                defer { umask(mask) }
                _ = try await listening(only, running)
                chmod(path, 0o600)
                return DashboardServer(port: nil, server: running)
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .failed("cannot listen on \(place.words): \(reason(error)); \(place.advice)")
        }
    }

    private static func listening(_ server: HTTPServer, _ running: Task<Void, any Error>) async throws -> UInt16? {
        // Whichever comes first; neither can be called off.
        let (news, told) = AsyncThrowingStream<Void, any Error>.makeStream()
        Task {
            try await server.waitUntilListening()
            told.yield()
        }
        Task { told.finish(throwing: await running.result.failure) }
        for try await _ in news { break }
        if case .ip4(_, let port) = await server.listeningAddress { return port }
        return nil
    }

    /// Takes away a socket that a server which is gone has left.
    private static func free(_ path: String) throws(Failure) {
        guard path.utf8.count < 108 else {
            throw .badInput("--socket '\(path)' is longer than the 107 bytes that a socket's path may have")
        }
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK, info.st_uid == geteuid() else {
            throw .badInput("--socket '\(path)': there is something else of that name")
        }
        guard !isAnswering(path) else {
            throw .badInput("--socket '\(path)': another server listens there; stop it, or choose another path")
        }
        unlink(path)
    }

    private static func isAnswering(_ path: String) -> Bool {
        do {
            let socket = try Socket(domain: AF_UNIX, type: .stream)
            defer { try? socket.close() }
            try socket.connect(to: sockaddr_un.unix(path: path))
            return true
        } catch {
            return false
        }
    }

    private static func reason(_ error: any Error) -> String {
        if case SocketError.failed(_, let number, _) = error { return String(cString: strerror(number)) }
        return "\(error)"
    }

    /// Stops listening.
    package func stop() { server.cancel() }

    /// Waits until it has stopped.
    package func wait() async { _ = await server.result }

    /// What stands between the sockets and the answers.
    private struct Door: HTTPHandler {
        let gate: Gate
        let answer: @Sendable (Ask) async -> Reply
        private let queue = WorkQueue()
        /// Tables of thousands of runs go out in few pieces.
        private static let chunk = 256 << 10

        init(gate: Gate, answer: @escaping @Sendable (Ask) async -> Reply) {
            (self.gate, self.answer) = (gate, answer)
        }

        func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
            let method = request.method.rawValue
            let reply = await reply(to: request, method)
            var headers = HTTPHeaders()
            headers[.contentType] = reply.type
            headers[HTTPHeader("Cache-Control")] = reply.mayBeKept ? "private, no-cache" : "no-store"
            for (name, value) in Reply.guards { headers[HTTPHeader(name)] = value }
            return HTTPResponse(
                statusCode: HTTPStatusCode(reply.status, phrase: reply.status == 200 ? "OK" : "Answer"),
                headers: headers,
                body: HTTPBodySequence(
                    data: method == "HEAD" ? Data() : reply.body, suggestedBufferSize: Self.chunk))
        }

        private func reply(to request: HTTPRequest, _ method: String) async -> Reply {
            let headers = Dictionary(
                request.headers.map { ($0.key.rawValue.lowercased(), $0.value) },
                uniquingKeysWith: { first, _ in first })
            guard ["GET", "HEAD", "POST"].contains(method) else { return .failure(405, "\(method) means nothing here") }
            let target =
                request.target.query().isEmpty
                ? request.target.path() : request.target.path() + "?" + request.target.query()
            guard let (path, query) = Ask.parts(of: target) else { return .failure(400, "this address means nothing") }
            let place = gate.withoutPrefix(path)
            let isData = place.first == "api"
            if let refusal = gate.refusal(of: headers, needsToken: isData) { return refusal.reply }
            guard (headers["content-length"].flatMap { Int($0) } ?? 0) <= DashboardServer.largestBody,
                headers["transfer-encoding"] == nil
            else { return .failure(413, "this is more than a request may hold") }
            let body: Data
            do { body = method == "POST" ? try await request.bodyData : Data() } catch {
                return .failure(400, "the request ended early")
            }
            let ask = Ask(
                method: method == "HEAD" ? "GET" : method, path: place, query: query, headers: headers, body: body)
            return await withTaskExecutorPreference(queue) { await answer(ask) }
        }
    }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}

extension DashboardServer.Place {
    fileprivate var words: String {
        switch self {
        case .port(let port): "127.0.0.1:\(port)"
        case .socket(let path): path
        }
    }

    fileprivate var advice: String {
        switch self {
        case .port: "--port 0 takes any port that is free"
        case .socket: "choose a path in a folder of your own"
        }
    }
}
