import FlyingSocks
import Glibc

/// Sockets that are given up when nothing comes or goes for a while.
struct PatientPool<Base: AsyncSocketPool>: AsyncSocketPool {
    let base: Base
    /// How long a browser may leave a connection idle, or not take what it asked for.
    let patience: Duration

    func prepare() async throws { try await base.prepare() }

    func run() async throws { try await base.run() }

    func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
        // The socket that listens waits for ever.
        guard !socket.isListening else { return try await base.suspendSocket(socket, untilReadyFor: events) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await base.suspendSocket(socket, untilReadyFor: events) }
            group.addTask {
                try await Task.sleep(for: patience)
                throw SocketError.timeout(message: "idle")
            }
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }
}

extension Socket {
    fileprivate var isListening: Bool {
        var answer: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(file.rawValue, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer != 0
    }
}
