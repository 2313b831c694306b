import NIOCore
import Synchronization

/// The open connections, up to a limit.
final class Connections: Sendable {
    private struct Entry {
        let channel: any Channel
        /// Since when it has waited for a request; nil while answering one.
        var idleSince: NIODeadline?
    }
    private struct State {
        var isOver = false
        var open: [ObjectIdentifier: Entry] = [:]
    }
    private let state = Mutex(State())

    /// When this many are open, the one that has been idle longest is ended: each window has some.
    private static let most = 256

    /// Adds one.
    ///
    /// - Returns: Whether there is room: twice as many, all of them at work, would help nobody.
    func admit(_ channel: any Channel) -> Bool {
        let key = ObjectIdentifier(channel)
        let (isTaken, old) = state.withLock { state -> (Bool, (any Channel)?) in
            guard !state.isOver else { return (false, nil) }
            var old: (any Channel)?
            if state.open.count >= Self.most {
                let idle = state.open.compactMap { key, entry in entry.idleSince.map { (key, $0) } }
                if let longest = idle.min(by: { $0.1 < $1.1 }) {
                    old = state.open.removeValue(forKey: longest.0)?.channel
                }
            }
            guard state.open.count < 2 * Self.most else { return (false, old) }
            state.open[key] = Entry(channel: channel, idleSince: .now())
            return (true, old)
        }
        old?.close(promise: nil)
        if isTaken {
            channel.closeFuture.whenComplete { [self] _ in
                _ = state.withLock { $0.open.removeValue(forKey: key) }
            }
        }
        return isTaken
    }

    /// Records whether a connection waits for a request, or one is answered.
    func note(_ channel: any Channel, isIdle: Bool) {
        state.withLock { $0.open[ObjectIdentifier(channel)]?.idleSince = isIdle ? .now() : nil }
    }

    /// Ends all, and takes no more.
    func endAll() {
        let channels = state.withLock { state in
            state.isOver = true
            return state.open.values.map(\.channel)
        }
        for channel in channels { channel.close(promise: nil) }
    }
}
