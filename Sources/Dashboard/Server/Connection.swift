import Glibc

/// One browser's connection, read and written with limits: on what it may say, and on how long it may take.
struct Connection {
    private let socket: Int32
    /// How long it may be idle, take to say what it wants, or not take what it asked for.
    private let patience: Duration
    /// Is told whether a request is waited for, or one is answered.
    let isIdle: @Sendable (Bool) -> Void
    /// What has come and is not read yet.
    private var buffer: [UInt8] = []

    init(socket: Int32, patience: Duration, isIdle: @escaping @Sendable (Bool) -> Void) {
        self.socket = socket
        self.patience = patience
        self.isIdle = isIdle
    }

    /// Why nothing more can be read.
    enum Trouble: Error {
        /// It ended, or was silent for too long: nothing is said to it.
        case over
        /// What came is no request.
        case noRequest
        /// Its head has more than ``RequestHead/most`` bytes.
        case tooLong
    }

    /// Waits for the next request's head.
    mutating func head() throws(Trouble) -> RequestHead {
        var end = buffer.isEmpty ? nil : headEnd(from: 0)
        // Slow letters are no sign of life: all of them have to come in time.
        var deadline = ContinuousClock.now + patience
        while end == nil {
            guard buffer.count <= RequestHead.most else { throw .tooLong }
            let (isFirst, old) = (buffer.isEmpty, buffer.count)
            try more(until: deadline)
            if isFirst { deadline = ContinuousClock.now + patience }
            end = headEnd(from: max(0, old - 3))
        }
        guard let end, end <= RequestHead.most else { throw .tooLong }
        let head = RequestHead(buffer[..<end])
        buffer.removeFirst(end + 4)
        guard let head else { throw .noRequest }
        return head
    }

    private func headEnd(from start: Int) -> Int? {
        guard buffer.count >= 4 else { return nil }
        return (start...(buffer.count - 4)).first { place in
            buffer[place] == 0x0D && buffer[place + 1] == 0x0A && buffer[place + 2] == 0x0D
                && buffer[place + 3] == 0x0A
        }
    }

    /// Reads so many bytes of a body.
    mutating func body(_ count: Int) throws(Trouble) -> [UInt8] {
        let deadline = ContinuousClock.now + patience
        while buffer.count < count { try more(until: deadline) }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    private mutating func more(until deadline: ContinuousClock.Instant) throws(Trouble) {
        guard wait(for: POLLIN, until: deadline) else { throw .over }
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        let count = recv(socket, &chunk, chunk.count, Int32(MSG_DONTWAIT))
        guard count > 0 else {
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            throw .over
        }
        buffer += chunk[..<count]
    }

    /// Sends bytes.
    ///
    /// - Returns: Whether all of them were taken.
    func send(_ bytes: some Collection<UInt8>) -> Bool {
        let sent = bytes.withContiguousStorageIfAvailable { sendAll(UnsafeRawBufferPointer($0)) }
        return sent ?? Array(bytes).withUnsafeBytes(sendAll)
    }

    private func sendAll(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
            let count = Glibc.send(socket, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, flags)
            if count > 0 { rest = rest.dropFirst(count) }
            if count < 0, errno == EAGAIN {
                guard wait(for: POLLOUT, until: .now + patience) else { return false }
            } else if count < 0, errno != EINTR {
                return false
            }
        }
        return true
    }

    /// Lets a browser that still sends read its answer: an end while there is something unread would take it away.
    func takeLeave() {
        shutdown(socket, Int32(SHUT_WR))
        let deadline = ContinuousClock.now + min(patience, .milliseconds(500))
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while wait(for: POLLIN, until: deadline) {
            let count = recv(socket, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { return }
        }
    }

    private func wait(for events: Int32, until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return false }
            var one = pollfd(fd: socket, events: Int16(events), revents: 0)
            let milliseconds = left / .milliseconds(1)
            let count = poll(&one, 1, Int32(min(milliseconds.rounded(.up), 3_600_000)))
            if count > 0 { return true }
            if count < 0, errno != EINTR { return false }
        }
    }
}
