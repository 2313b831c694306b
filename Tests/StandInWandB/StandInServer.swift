import FlyingFox
import FlyingSocks
import Foundation
import HTTP

/// The stand-in W&B server on a port of its own, over FlyingFox.
struct StandInServer: Sendable {
    let backend: StandInBackend
    let baseURL: String
    private let task: Task<Void, any Error>

    /// Starts a server; `stop` ends it.
    static func start(_ backend: StandInBackend = StandInBackend(), port: UInt16 = 0) async throws
        -> StandInServer
    {
        let server = HTTPServer(
            address: try .inet(ip4: "127.0.0.1", port: port), logger: .disabled,
            handler: Handler(backend: backend))
        let task = Task { try await server.run() }
        try await server.waitUntilListening()
        guard case .ip4(_, let port) = await server.listeningAddress else {
            throw SocketError.unsupportedAddress
        }
        return StandInServer(backend: backend, baseURL: "http://127.0.0.1:\(port)", task: task)
    }

    func stop() { task.cancel() }

    /// Stops, and returns once its port is free.
    func die() async {
        task.cancel()
        _ = await task.result
    }

    private struct Handler: HTTPHandler {
        let backend: StandInBackend

        func handleRequest(_ request: FlyingFox.HTTPRequest) async throws -> FlyingFox.HTTPResponse {
            let reply = backend.handle(
                StandInBackend.Request(
                    method: request.method.rawValue, path: request.target.path(),
                    headers: Dictionary(
                        request.headers.map { ($0.key.rawValue.lowercased(), $0.value) },
                        uniquingKeysWith: { $1 }),
                    body: try await request.bodyData))
            if reply.delay > .zero { try await Task.sleep(for: reply.delay) }
            var headers = HTTPHeaders()
            for (name, value) in reply.headers { headers[HTTPHeader(name)] = value }
            // FlyingFox 0.27.1 resets some connections after a body of 50 kB: none is used again.
            if request.method == .PUT { headers[.connection] = "close" }
            return HTTPResponse(
                statusCode: HTTPStatusCode(reply.status, phrase: "Stand-in"), headers: headers,
                body: reply.body)
        }
    }
}
