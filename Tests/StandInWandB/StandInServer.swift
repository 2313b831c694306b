import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// The stand-in W&B server on a port of its own, over SwiftNIO.
struct StandInServer: Sendable {
    let backend: StandInBackend
    let baseURL: String
    private let listener: any Channel
    private let group: MultiThreadedEventLoopGroup

    /// Starts a server; `stop` ends it.
    static func start(_ backend: StandInBackend = StandInBackend(), port: UInt16 = 0) async throws
        -> StandInServer
    {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(Exchange(backend: backend))
                }
            }
            .bind(host: "127.0.0.1", port: Int(port)).get()
        return StandInServer(
            backend: backend, baseURL: "http://127.0.0.1:\(listener.localAddress?.port ?? 0)", listener: listener,
            group: group)
    }

    /// Ends all connections too.
    func stop() { group.shutdownGracefully { _ in } }

    /// Stops, and returns once its port is free.
    func die() async { try? await group.shutdownGracefully() }

    private final class Exchange: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let backend: StandInBackend
        private var head: HTTPRequestHead?
        private var body = ByteBuffer()

        init(backend: StandInBackend) { self.backend = backend }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body.clear()
                if head.headers.contains(name: "Expect") {
                    let goOn = HTTPResponseHead(version: .http1_1, status: .continue)
                    context.writeAndFlush(wrapOutboundOut(.head(goOn)), promise: nil)
                }
            case .body(var part): body.writeBuffer(&part)
            case .end:
                guard let head else { return }
                let reply = backend.handle(
                    StandInBackend.Request(
                        method: head.method.rawValue, path: String(head.uri.prefix { $0 != "?" }),
                        headers: Dictionary(
                            head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 }),
                        body: Data(body.readableBytesView)))
                let delay = TimeAmount(reply.delay)
                context.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.send(reply, to: head, context) }
            }
        }

        private func send(_ reply: StandInBackend.Reply, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
            var answer = HTTPResponseHead(
                version: .http1_1, status: .custom(code: UInt(reply.status), reasonPhrase: "Stand-in"))
            for (name, value) in reply.headers { answer.headers.replaceOrAdd(name: name, value: value) }
            answer.headers.replaceOrAdd(name: "Content-Length", value: "\(reply.body.count)")
            context.write(wrapOutboundOut(.head(answer)), promise: nil)
            if head.method != .HEAD, !reply.body.isEmpty {
                let bytes = context.channel.allocator.buffer(bytes: reply.body)
                context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
            }
            context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenSuccess {
                if !head.isKeepAlive { context.close(promise: nil) }
            }
        }
    }
}
