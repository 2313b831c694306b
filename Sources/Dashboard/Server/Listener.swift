import CLinux
import Foundation
import Orchestration
import Synchronization

/// A socket that listens, and a thread for each connection: a browser that is slow holds nobody else up.
final class Listener: Sendable {
    /// The port, where it listens on one.
    let port: UInt16?
    private let socket: Int32
    private let patience: Duration
    private let serve: @Sendable (inout Connection) -> Void
    private let state = Mutex(State())
    private let running: Task<Void, Never>

    private struct State {
        var isStopped = false
        /// Open connections, and since when each has waited for a request; nil while one is answered.
        var waiting: [Int32: ContinuousClock.Instant?] = [:]
    }

    /// When so many are open, the one that has been idle longest is ended: each window has some.
    private static let most = 256
    /// Some libraries have much that each thread has its own of.
    private static let stack = 1 << 20

    /// Listens.
    ///
    /// - Parameters:
    ///   - place: Where.
    ///   - patience: How long a connection may be idle.
    ///   - serve: Reads requests of a connection and answers them, until it ends.
    /// - Throws: ``Failure``.
    init(
        at place: DashboardServer.Place, patience: Duration, serve: @escaping @Sendable (inout Connection) -> Void
    ) throws(Failure) {
        let bound = try Self.bind(place)
        socket = bound
        port = Self.port(of: bound)
        self.patience = patience
        self.serve = serve
        let (ended, end) = AsyncStream<Void>.makeStream()
        running = Task { for await _ in ended {} }
        Thread.detachNewThread { [self] in
            accept()
            end.finish()
        }
    }

    /// Ends all connections and listens no more.
    func stop() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.isStopped = true
            // Whoever waits for one of them wakes up; each thread closes its own.
            shutdown(socket, Int32(SHUT_RDWR))
            for open in state.waiting.keys { shutdown(open, Int32(SHUT_RDWR)) }
        }
    }

    /// Waits until nothing is listened for any more.
    func wait() async { await running.value }

    private func accept() {
        defer { close(socket) }
        while !state.withLock({ $0.isStopped }) {
            var one = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&one, 1, 1000) > 0 else { continue }
            let file = accept4(socket, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
            guard file >= 0 else {
                // No descriptors are left: one that idles has to go. Anything else is over by the next time.
                if errno == EMFILE || errno == ENFILE { endLongestIdle() }
                usleep(10_000)
                continue
            }
            if state.withLock({ $0.waiting.count }) >= Self.most { endLongestIdle() }
            start(file)
        }
    }

    private func start(_ file: Int32) {
        let isTaken = state.withLock { state in
            // Twice as many, all of them at work: more would help nobody.
            guard !state.isStopped, state.waiting.count < 2 * Self.most else { return false }
            state.waiting[file] = .some(.now)
            return true
        }
        guard isTaken else {
            close(file)
            return
        }
        let thread = Thread { [self] in
            var connection = Connection(socket: file, patience: patience) { [self] isIdle in
                state.withLock { $0.waiting[file] = .some(isIdle ? .now : nil) }
            }
            serve(&connection)
            _ = state.withLock { $0.waiting.removeValue(forKey: file) }
            close(file)
        }
        thread.stackSize = Self.stack
        thread.start()
    }

    private func endLongestIdle() {
        state.withLock { state in
            let idle = state.waiting.compactMap { file, since in since.map { (file, $0) } }
            guard let longest = idle.min(by: { $0.1 < $1.1 }) else { return }
            state.waiting[longest.0] = .some(nil)
            shutdown(longest.0, Int32(SHUT_RDWR))
        }
    }
}

extension Listener {
    private static func bind(_ place: DashboardServer.Place) throws(Failure) -> Int32 {
        func failed(_ number: Int32) -> Failure {
            .failed("cannot listen on \(place.words): \(String(cString: strerror(number))); \(place.advice)")
        }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let file: Int32
        let result: Int32
        switch place {
        case .port(let port):
            file = Glibc.socket(AF_INET, kind, 0)
            guard file >= 0 else { throw failed(errno) }
            var yes: Int32 = 1
            setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            result = withAddress(&address) { Glibc.bind(file, $0, $1) }
        case .socket(let path):
            try free(path)
            file = Glibc.socket(AF_UNIX, kind, 0)
            guard file >= 0 else { throw failed(errno) }
            var address = unixAddress(path)
            // The socket is nobody else's from its first moment.
            let mask = umask(0o177)
            result = withAddress(&address) { Glibc.bind(file, $0, $1) }
            umask(mask)
        }
        guard result == 0, listen(file, SOMAXCONN) == 0 else {
            let number = errno
            close(file)
            throw failed(number)
        }
        return file
    }

    private static func port(of file: Int32) -> UInt16? {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(file, $0, &size) }
        }
        return result == 0 && address.sin_family == sa_family_t(AF_INET) ? UInt16(bigEndian: address.sin_port) : nil
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
        let file = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return false }
        defer { close(file) }
        var address = unixAddress(path)
        return withAddress(&address) { connect(file, $0, $1) } == 0
    }

    private static func unixAddress(_ path: String) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        return address
    }

    private static func withAddress<Address>(
        _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Address>.size)) }
        }
    }
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
