import Synchronization

/// A run's spool as its threads share it; a disk that takes nothing costs rows, never the run.
final class SharedSpool: Sendable {
    private struct State: ~Copyable {
        var writer: SpoolWriter
        var isFailing = false
    }

    private let state: Mutex<State>
    private let notify: @Sendable (String) -> Void

    init(
        folder: SpoolFolder, description: RunDescription, clock: RunClock,
        notify: @escaping @Sendable (String) -> Void
    ) throws(SpoolError) {
        state = Mutex(State(writer: try SpoolWriter(folder: folder, description: description, clock: clock)))
        self.notify = notify
    }

    /// Writes, and says once when that does not work and once when it works again.
    func write(_ body: (inout SpoolWriter) throws(SpoolError) -> Void) {
        let notice = state.withLock { state -> String? in
            do {
                try body(&state.writer)
                guard state.isFailing else { return nil }
                state.isFailing = false
                return "W&B: rows are kept again"
            } catch {
                guard !state.isFailing else { return nil }
                state.isFailing = true
                return "W&B: \(error); rows wait in memory, training goes on"
            }
        }
        if let notice { notify(notice) }
    }
}
