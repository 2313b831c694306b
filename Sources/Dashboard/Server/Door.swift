import Foundation
import NIOCore
import NIOHTTP1

/// The layer between connections and answers: who may ask, and how long an answer may take.
struct Door: Sendable {
    let gate: Gate
    /// How long a connection may be idle, take to say what it wants, or not take what it asked for.
    let patience: TimeAmount
    let answer: @Sendable (Ask) async -> Reply
    private let queue = WorkQueue()

    /// A request that takes longer hangs on a dead file server.
    private static let longest = TimeAmount.seconds(120)
    /// No request has more behind its header.
    static let largestBody = 1 << 20

    init(gate: Gate, patience: TimeAmount, answer: @escaping @Sendable (Ask) async -> Reply) {
        (self.gate, self.patience, self.answer) = (gate, patience, answer)
    }

    /// Why a request is not answered, judging by its head.
    func refusal(of head: HTTPRequestHead) -> Reply? {
        guard ["GET", "HEAD", "POST"].contains(head.method.rawValue) else {
            return .failure(405, "\(head.method.rawValue.prefix(20)) means nothing here")
        }
        guard let headers = Ask.fields(of: head.headers), let (path, _) = Ask.parts(of: head.uri) else {
            return .failure(400, "this is no request that means one thing")
        }
        let isData = gate.withoutPrefix(path).first == "api"
        if let refusal = gate.refusal(of: headers, needsToken: isData) { return refusal.reply }
        guard headers["content-length"].map({ Int($0) ?? .max }) ?? 0 <= Self.largestBody else { return .tooLarge }
        return nil
    }

    /// Has a request answered on another thread.
    func reply(to head: HTTPRequestHead, _ body: ByteBuffer, on loop: any EventLoop) -> EventLoopFuture<Reply> {
        guard let (path, query) = Ask.parts(of: head.uri) else {
            return loop.makeSucceededFuture(.failure(400, "this address means nothing"))
        }
        let ask = Ask(
            method: head.method == .HEAD ? "GET" : head.method.rawValue, path: gate.withoutPrefix(path), query: query,
            headers: Ask.fields(of: head.headers) ?? [:],
            body: head.method == .POST ? Data(body.readableBytesView) : Data())
        let promise = loop.makePromise(of: Reply.self)
        let limit = loop.scheduleTask(in: Self.longest) {
            // Whichever comes first; the other is dropped.
            promise.succeed(.failure(504, "this takes too long: is the file server responding?"))
        }
        Task(executorPreference: queue) {
            let reply = await answer(ask)
            limit.cancel()
            promise.succeed(reply)
        }
        return promise.futureResult
    }
}

extension Reply {
    static var tooLarge: Reply { .failure(413, "this is more than a request may hold") }
}

extension Ask {
    /// Header fields by their names in lower case; nil if one stands twice that may stand once only.
    static func fields(of headers: HTTPHeaders) -> [String: String]? {
        var fields: [String: String] = [:]
        for (name, value) in headers {
            let name = name.lowercased()
            guard fields.updateValue(value, forKey: name) == nil || !single.contains(name) else { return nil }
        }
        return fields
    }

    private static let single: Set<String> = [
        "host", "origin", "authorization", "content-length", "transfer-encoding", "sec-fetch-site",
    ]
}
