import NIOCore
import NIOHTTP1

/// One browser's connection: takes requests and sends answers within limits, on what it may say and how long it may take.
final class Exchange: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// For a request, or the rest of one.
        case waiting
        case answering
        /// Nothing that comes means anything any more.
        case leaving
    }

    private let door: Door
    private let connections: Connections
    private var state = State.waiting
    /// Whether the browser has said that nothing more comes.
    private var isLast = false
    private var head: HTTPRequestHead?
    private var refusal: Reply?
    private var body = ByteBuffer()
    private var deadline: Scheduled<Void>?
    /// Nil once the connection is closed.
    private var context: ChannelHandlerContext?

    /// No request of a browser, with the cookies of a proxy, has a longer header.
    static var limits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        (limits.maxHeaderFieldSize, limits.maxHeaderListSize) = (64 << 10, 64 << 10)
        return limits
    }
    /// A browser that takes so much is not gone.
    private static let slice = 256 << 10

    init(door: Door, connections: Connections) { (self.door, self.connections) = (door, connections) }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        wait()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .waiting = state else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head)
        case .body(var part):
            guard body.readableBytes + part.readableBytes <= Door.largestBody else { return refuse(.tooLarge) }
            body.writeBuffer(&part)
        case .end:
            guard let head else { return }
            deadline?.cancel()
            state = .answering
            connections.note(context.channel, isIdle: false)
            if let refusal { return send(refusal) }
            door.reply(to: head, body, on: context.eventLoop).assumeIsolated().whenSuccess { self.send($0) }
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        self.head = head
        refusal = door.refusal(of: head)
        body.clear()
        // Slow letters are no heartbeat: all of them have to come in time.
        wait()
        if let refusal {
            let length = head.headers.first(name: "content-length") ?? "0"
            if length != "0" || head.headers.contains(name: "transfer-encoding") { refuse(refusal) }
        } else if head.headers[canonicalForm: "expect"].contains(where: { $0.lowercased() == "100-continue" }) {
            // Programs that send much wait for a word first.
            context?.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
        }
    }

    /// Answers before all was said; the rest of it is not listened to.
    private func refuse(_ reply: Reply) {
        state = .leaving
        send(reply)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.close(promise: nil) }
        // The rest of what is refused already.
        guard case .waiting = state else { return }
        head = nil
        if case .headerOverflow? = error as? HTTPParserError {
            let most = Self.limits.maxHeaderListSize
            refuse(.failure(431, "a request's header has at most \(most) bytes"))
        } else {
            refuse(.failure(400, "this is no request that means one thing"))
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed? = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        if case .answering = state { isLast = true } else { context.close(promise: nil) }
    }

    private func send(_ reply: Reply) {
        guard let context else { return }
        let isKept = if case .answering = state { head?.isKeepAlive == true } else { false }
        var headers = HTTPHeaders([
            ("Content-Type", reply.type), ("Content-Length", "\(reply.body.count)"),
            ("Cache-Control", reply.mayBeKept ? "private, no-cache" : "no-store"),
            ("Connection", isKept ? "keep-alive" : "close"),
        ])
        for (name, value) in Reply.guards { headers.add(name: name, value: value) }
        let answer = HTTPResponseHead(version: .http1_1, status: .init(statusCode: reply.status), headers: headers)
        var isTaken = context.write(wrapOutboundOut(.head(answer)))
        wait()
        if head?.method != .HEAD {
            var rest = context.channel.allocator.buffer(bytes: reply.body)
            while let part = rest.readSlice(length: min(rest.readableBytes, Self.slice)), part.readableBytes > 0 {
                isTaken = context.write(wrapOutboundOut(.body(.byteBuffer(part))))
                isTaken.assumeIsolated().whenSuccess { self.wait() }
            }
        }
        context.flush()
        isTaken.assumeIsolated().whenSuccess { self.end(isKept: isKept) }
    }

    /// Ends an answer once it is taken: only then is the next request read, however many were sent at once.
    private func end(isKept: Bool) {
        guard let context else { return }
        let isKept = isKept && !isLast
        if isKept {
            state = .waiting
            head = nil
            connections.note(context.channel, isIdle: true)
            wait()
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        if !isKept { takeLeave() }
    }

    /// Lets a browser that still sends read its answer: an end while there is something unread would take it away.
    private func takeLeave() {
        state = .leaving
        context?.close(mode: .output, promise: nil)
        wait(min(door.patience, .milliseconds(500)))
    }

    /// Ends the connection after this long, unless a new wait begins.
    private func wait(_ time: TimeAmount? = nil) {
        guard let context else { return }
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: time ?? door.patience) {
            self.context?.close(promise: nil)
        }
    }
}
