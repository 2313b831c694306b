import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
package import Orchestration

/// The server of `orchestrator ui`: HTTP only, independent of what it serves.
package struct DashboardServer: Sendable {
    /// Where it listens.
    package enum Place: Sendable, Equatable {
        /// A port of 127.0.0.1; 0 for any that is free.
        case port(UInt16)
        /// A Unix socket that only its owner may use.
        case socket(String)
    }

    /// The port, where it listens on one.
    package var port: UInt16? { listener.localAddress?.port.flatMap { UInt16(exactly: $0) } }
    private let listener: any Channel
    private let connections: Connections

    /// Browsers keep a connection for some time; one that says or takes nothing for so long is given up.
    private static let patience = Duration.seconds(60)
    /// One thread moves all bytes, as long as the process lives; answers are made on others.
    private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Starts to listen.
    ///
    /// - Throws: ``Failure`` for a port or a path that is taken or cannot be used.
    package static func start(
        at place: Place, gate: Gate, patience: Duration = Self.patience,
        answer: @escaping @Sendable (Ask) async -> Reply
    ) throws(Failure) -> DashboardServer {
        let door = Door(gate: gate, patience: TimeAmount(patience), answer: answer)
        let connections = Connections()
        let bootstrap = ServerBootstrap(group: loops)
            .serverChannelOption(.backlog, value: SOMAXCONN)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // A client that has sent everything may still wait for the answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard connections.admit(channel) else { throw ChannelError.inappropriateOperationForState }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(HTTPResponseEncoder())
                    try pipeline.addHandler(
                        ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: Exchange.limits)))
                    try pipeline.addHandler(HTTPServerPipelineHandler())
                    try pipeline.addHandler(Exchange(door: door, connections: connections))
                }
            }
        return DashboardServer(listener: try place.bind(bootstrap), connections: connections)
    }

    /// Stops listening, and ends all connections.
    package func stop() {
        listener.close(promise: nil)
        connections.endAll()
    }

    /// Waits until it has stopped.
    ///
    /// - Throws: What went wrong when its socket was closed.
    package func wait() async throws { try await listener.closeFuture.get() }

    /// Whether somebody listens on a Unix socket.
    ///
    /// - Throws: ``Failure`` if that is not known.
    fileprivate static func isAnswering(_ path: String) throws(Failure) -> Bool {
        do {
            try ClientBootstrap(group: loops).connect(unixDomainSocketPath: path).wait().close(promise: nil)
            return true
        } catch {
            // Only a refusal shows that it is gone: one whose queue is full is alive.
            let code = (error as? IOError)?.errnoCode
            if code == ECONNREFUSED || code == ENOENT { return false }
            let reason = code.map { String(cString: strerror($0)) } ?? "\(error)"
            throw .failed("cannot tell whether a server listens on \(path): \(reason); choose another path")
        }
    }
}

extension DashboardServer.Place {
    fileprivate func bind(_ bootstrap: ServerBootstrap) throws(Failure) -> any Channel {
        do {
            switch self {
            case .port(let port): return try bootstrap.bind(host: "127.0.0.1", port: Int(port)).wait()
            case .socket(let path):
                try Self.free(path)
                // The socket is nobody else's from its first moment.
                let mask = umask(0o177)
                defer { umask(mask) }
                return try bootstrap.bind(unixDomainSocketPath: path).wait()
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
            throw .failed("cannot listen on \(words): \(reason); \(advice)")
        }
    }

    /// Removes a socket left by a server that is gone.
    private static func free(_ path: String) throws(Failure) {
        guard path.utf8.count < 108 else {
            throw .badInput("--socket '\(path)' is longer than the 107 bytes that a socket's path may have")
        }
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK, info.st_uid == geteuid() else {
            throw .badInput("--socket '\(path)': something else has that name")
        }
        guard try !DashboardServer.isAnswering(path) else {
            throw .badInput("--socket '\(path)': another server listens there; stop it, or choose another path")
        }
        unlink(path)
    }

    private var words: String {
        switch self {
        case .port(let port): "127.0.0.1:\(port)"
        case .socket(let path): path
        }
    }

    private var advice: String {
        switch self {
        case .port: "--port 0 takes any port that is free"
        case .socket: "choose a path in a folder of your own"
        }
    }
}
