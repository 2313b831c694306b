import Foundation
import Glibc

/// The stand-in W&B server over bare sockets, for what a library will not do: hang up.
final class HangUpServer: Sendable {
    let backend: StandInBackend
    let baseURL: String
    private let listener: Int32
    private let keepsConnections: Bool
    private let handle: @Sendable (StandInBackend.Request) -> StandInBackend.Reply

    /// Starts it, with one request per connection, or as many as the client likes; `answering` takes requests in the
    /// backend's place.
    init(
        _ backend: StandInBackend = StandInBackend(), keepsConnections: Bool = false,
        answering handle: (@Sendable (StandInBackend.Request) -> StandInBackend.Reply)? = nil
    ) throws {
        self.backend = backend
        self.handle = handle ?? { backend.handle($0) }
        self.keepsConnections = keepsConnections
        let socket = try ListeningSocket()
        listener = socket.descriptor
        baseURL = "http://127.0.0.1:\(socket.port)"
        Thread.detachNewThread { self.serve() }
    }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func serve() {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { break }
            if keepsConnections {
                Thread.detachNewThread {
                    while self.answer(connection) {}
                    close(connection)
                }
            } else {
                _ = answer(connection)
                close(connection)
            }
        }
        close(listener)
    }

    /// Whether the next request may follow.
    private func answer(_ connection: Int32) -> Bool {
        guard let request = receive(connection) else { return false }
        let reply = handle(request)
        if reply.isReset {
            // With nothing to linger for, close sends a reset.
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
            return false
        }
        var head =
            "HTTP/1.1 \(reply.status) Stand-in\r\nConnection: \(keepsConnections ? "keep-alive" : "close")\r\n"
            + "Content-Length: \(reply.body.count)\r\n"
        for (name, value) in reply.headers { head += "\(name): \(value)\r\n" }
        let bytes = Array((head + "\r\n").utf8) + reply.body.prefix(reply.cutAfter ?? reply.body.count)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return reply.cutAfter == nil
    }

    private func receive(_ connection: Int32) -> StandInBackend.Request? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        var head: (lines: [Substring], start: Int)?
        while true {
            if head == nil, let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                head = (
                    String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n"),
                    end.upperBound
                )
            }
            if let head {
                let headers = Self.headers(head.lines)
                let length = headers["content-length"].flatMap { Int($0) } ?? 0
                if bytes.count >= head.start + length {
                    let words = head.lines[0].split(separator: " ")
                    return StandInBackend.Request(
                        method: String(words[0]), path: String(words[1]), headers: headers,
                        body: Data(bytes[head.start..<head.start + length]))
                }
            }
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    private static func headers(_ lines: [Substring]) -> [String: String] {
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] =
                line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        return headers
    }
}
