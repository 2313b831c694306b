import Foundation
package import Orchestration
import Synchronization

/// The server of `orchestrator ui`: HTTP, and nothing of what it serves.
package struct DashboardServer: Sendable {
    /// Where it listens.
    package enum Place: Sendable, Equatable {
        /// A port of 127.0.0.1; 0 for any that is free.
        case port(UInt16)
        /// A Unix socket that only its owner may use.
        case socket(String)
    }

    /// The port, where it listens on one.
    package var port: UInt16? { listener.port }
    private let listener: Listener

    /// Browsers keep a connection for some time; one that says or takes nothing for so long is given up.
    private static let patience = Duration.seconds(60)

    /// Starts to listen.
    ///
    /// - Throws: ``Failure`` for a port or a path that is taken or cannot be used.
    package static func start(
        at place: Place, gate: Gate, patience: Duration = Self.patience,
        answer: @escaping @Sendable (Ask) async -> Reply
    ) throws(Failure) -> DashboardServer {
        let door = Door(gate: gate, answer: answer)
        return DashboardServer(
            listener: try Listener(at: place, patience: patience) { connection in door.serve(&connection) })
    }

    /// Stops listening, and ends all connections.
    package func stop() { listener.stop() }

    /// Waits until it has stopped.
    package func wait() async { await listener.wait() }
}

/// Where an answer comes from another thread.
private final class Box: Sendable {
    let value = Mutex<Reply?>(nil)
}

/// What stands between the sockets and the answers.
private struct Door: Sendable {
    let gate: Gate
    let answer: @Sendable (Ask) async -> Reply
    private let queue = WorkQueue()
    /// A request that takes longer has met a dead file server.
    private static let longest = DispatchTimeInterval.seconds(120)
    /// No request has more behind its header.
    private static let largestBody = 1 << 20

    init(gate: Gate, answer: @escaping @Sendable (Ask) async -> Reply) {
        (self.gate, self.answer) = (gate, answer)
    }

    /// Answers one request after another.
    func serve(_ connection: inout Connection) {
        while true {
            let head: RequestHead
            do { head = try connection.head() } catch .over {
                return
            } catch {
                let reply: Reply =
                    error == .tooLong
                    ? .failure(431, "a request's header has at most \(RequestHead.most) bytes")
                    : .failure(400, "this is no request that means one thing")
                if send(reply, over: connection, to: nil) { connection.takeLeave() }
                return
            }
            let refusal = refusal(of: head)
            if let refusal {
                let isAll = head.length == 0 && head.headers["transfer-encoding"] == nil
                guard send(refusal, over: connection, to: head, isKept: isAll) else { return }
                guard isAll, head.isKept else { return connection.takeLeave() }
                continue
            }
            // Programs that send much wait for a word first.
            if head.headers["expect"]?.lowercased() == "100-continue" {
                guard connection.send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) else { return }
            }
            let body: [UInt8]
            do { body = try connection.body(head.length ?? 0) } catch { return }
            connection.isIdle(false)
            let isSent = send(reply(to: head, Data(body)), over: connection, to: head)
            connection.isIdle(true)
            guard isSent, head.isKept else { return }
        }
    }

    /// Why a request is not answered, as far as its head tells.
    private func refusal(of head: RequestHead) -> Reply? {
        guard ["GET", "HEAD", "POST"].contains(head.method) else {
            return .failure(405, "\(head.method.prefix(20)) means nothing here")
        }
        guard let (path, _) = Ask.parts(of: head.target) else { return .failure(400, "this address means nothing") }
        let isData = gate.withoutPrefix(path).first == "api"
        if let refusal = gate.refusal(of: head.headers, needsToken: isData) { return refusal.reply }
        guard let length = head.length, length <= Self.largestBody, head.headers["transfer-encoding"] == nil else {
            return .failure(413, "this is more than a request may hold")
        }
        return nil
    }

    private func reply(to head: RequestHead, _ body: Data) -> Reply {
        guard let (path, query) = Ask.parts(of: head.target) else { return .failure(400, "this address means nothing") }
        let ask = Ask(
            method: head.method == "HEAD" ? "GET" : head.method, path: gate.withoutPrefix(path), query: query,
            headers: head.headers, body: head.method == "POST" ? body : Data())
        let box = Box()
        let isDone = DispatchSemaphore(value: 0)
        Task(executorPreference: queue) {
            let reply = await answer(ask)
            box.value.withLock { $0 = reply }
            isDone.signal()
        }
        // This thread is the connection's own.
        guard isDone.wait(timeout: .now() + Self.longest) == .success, let reply = box.value.withLock({ $0 }) else {
            return .failure(504, "this takes too long: is the file server alive?")
        }
        return reply
    }

    /// Sends an answer.
    ///
    /// - Returns: Whether it was taken.
    private func send(_ reply: Reply, over connection: Connection, to head: RequestHead?, isKept: Bool = true) -> Bool {
        var text = "HTTP/1.1 \(reply.status) \(reply.status == 200 ? "OK" : "Answer")\r\n"
        text += "Content-Type: \(reply.type)\r\nContent-Length: \(reply.body.count)\r\n"
        text += "Cache-Control: \(reply.mayBeKept ? "private, no-cache" : "no-store")\r\n"
        text += "Connection: \(isKept && head?.isKept == true ? "keep-alive" : "close")\r\n"
        for (name, value) in Reply.guards { text += "\(name): \(value)\r\n" }
        return connection.send(Array((text + "\r\n").utf8)) && (head?.method == "HEAD" || connection.send(reply.body))
    }
}
