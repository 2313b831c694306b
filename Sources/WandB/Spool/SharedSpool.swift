import Synchronization

/// A run's spool as its threads share it; a disk that takes nothing costs rows, never the run.
final class SharedSpool: Sendable {
    private struct State: ~Copyable {
        var writer: SpoolWriter
        var isFailing = false
        var isSuperseded = false
        var hasSaidSuperseded = false
    }

    private let state: Mutex<State>
    private let isHeld: @Sendable () -> Bool
    private let notify: @Sendable (String) -> Void

    init(
        folder: SpoolFolder, description: RunDescription, clock: RunClock, isHeld: @escaping @Sendable () -> Bool,
        notify: @escaping @Sendable (String) -> Void
    ) throws(SpoolError) {
        state = Mutex(State(writer: try SpoolWriter(folder: folder, description: description, clock: clock)))
        self.isHeld = isHeld
        self.notify = notify
    }

    /// Whether another attempt has opened the folder; nothing of this one counts any more then.
    var isSuperseded: Bool {
        state.withLock { state in
            state.isSuperseded = state.isSuperseded || !state.writer.isOurs
            return state.isSuperseded
        }
    }

    /// Whether the folder is this attempt's to write and to send.
    var isOurs: Bool { isHeld() && !isSuperseded }

    /// Writes, and says once when that does not work and once when it works again; nothing while the folder may be
    /// another attempt's.
    func write(_ body: (inout SpoolWriter) throws(SpoolError) -> Void) {
        let notice = state.withLock { state -> String? in
            guard isHeld(), !state.hasSaidSuperseded else { return nil }
            do throws(SpoolError) {
                try body(&state.writer)
                guard state.isFailing else { return nil }
                state.isFailing = false
                return "W&B: rows are kept again"
            } catch {
                if case .superseded = error {
                    state.isSuperseded = true
                    state.hasSaidSuperseded = true
                    return "W&B: \(error); this one keeps no more rows"
                }
                guard !state.isFailing else { return nil }
                state.isFailing = true
                return "W&B: \(error); rows wait in memory, training continues"
            }
        }
        if let notice { notify(notice) }
    }
}
