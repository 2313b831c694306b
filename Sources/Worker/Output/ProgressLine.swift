import Foundation
import Synchronization

/// A progress line on the terminal, for long work; elsewhere only the messages.
final class ProgressLine: Sendable {
    private struct State {
        var shown: ContinuousClock.Instant?
        var length = 0
    }

    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let state = Mutex(State())

    /// Writes a line that stays.
    @Sendable func say(_ text: String) {
        clear()
        write(text + "\n")
    }

    /// Shows how far work is, a few times a second.
    @Sendable func show(_ text: String) {
        guard isTerminal else { return }
        state.withLock { state in
            if let shown = state.shown, .now - shown < .milliseconds(200) { return }
            state.shown = .now
            let padding = String(repeating: " ", count: max(state.length - text.count, 0))
            state.length = text.count
            write("\r" + text + padding)
        }
    }

    /// Takes the line away.
    @Sendable func clear() {
        state.withLock { state in
            guard state.length > 0 else { return }
            write("\r" + String(repeating: " ", count: state.length) + "\r")
            state.length = 0
        }
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
