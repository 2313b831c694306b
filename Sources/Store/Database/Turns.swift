import Dispatch
import Glibc
import Synchronization

/// Turns at changing a state file that only processes of this machine have open.
///
/// Those who wait for SQLite's lock ask for it again and again, and between two questions nobody works. Who waits for a
/// turn is woken when it comes. Turns are a courtesy: SQLite's lock keeps changes apart, so a process that gets no turn,
/// or waits too long for one that was suspended, goes on without.
final class Turns: Sendable {
    /// The cache's folder, whose lock is the turn.
    private let folder: Int32
    /// Waits in the place of the thread that makes the change, which would wait for as long as it takes.
    private let waiter = DispatchQueue(label: "turns")
    private let isWaiting = Mutex(false)

    /// Takes part; nil if the folder cannot be opened.
    init?(in path: String) {
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder < 0 { return nil }
    }

    deinit { close(folder) }

    /// Makes a change when it is this process's turn.
    func wait<T>(_ change: () throws -> T) rethrows -> T {
        let isTaken = take()
        defer { if isTaken { flock(folder, LOCK_UN) } }
        return try change()
    }

    private func take() -> Bool {
        if flock(folder, LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK else { return false }
        let isAlone = isWaiting.withLock { isWaiting in
            defer { isWaiting = true }
            return !isWaiting
        }
        // A wait that was given up goes on until the turn comes.
        guard isAlone else { return false }
        let turn = Turn()
        waiter.async { [self] in
            let isTaken = flock(folder, LOCK_EX) == 0
            isWaiting.withLock { $0 = false }
            if !turn.come(isTaken), isTaken { flock(folder, LOCK_UN) }
        }
        return turn.wait()
    }
}

/// A turn that somebody waits for.
private final class Turn: Sendable {
    private enum State { case awaited, taken, refused, givenUp }
    private let state = Mutex(State.awaited)
    private let bell = DispatchSemaphore(value: 0)
    private static let patience = DispatchTimeInterval.seconds(2)

    /// Tells that it has come, or will not; returns whether somebody still waits.
    func come(_ isTaken: Bool) -> Bool {
        let isAwaited = state.withLock { state in
            guard state == .awaited else { return false }
            state = isTaken ? .taken : .refused
            return true
        }
        bell.signal()
        return isAwaited
    }

    /// Waits for it, for a while; returns whether it was taken.
    func wait() -> Bool {
        _ = bell.wait(timeout: .now() + Self.patience)
        return state.withLock { state in
            if state == .awaited { state = .givenUp }
            return state == .taken
        }
    }
}
