import Synchronization
import Tokenizers

/// The labels of tokens in figures.
///
/// The tokenizer is read when a drawing asks for the first name.
final class TokenNames: Sendable {
    private enum State {
        case unread(folder: String)
        case read(Tokenizer)
        case missing
    }

    private let state: Mutex<State>

    /// Tokens are called by a tokenizer's words.
    init(folder: String) { state = Mutex(.unread(folder: folder)) }

    /// Tokens have no names but their numbers.
    init() { state = Mutex(.missing) }

    /// A token's text, with its spaces; its number where nobody knows more.
    subscript(token: Int) -> String {
        let tokenizer = state.withLock { state -> Tokenizer? in
            if case .unread(let folder) = state {
                // A figure with numbers for words is better than none.
                state = (try? Tokenizer(folder: folder)).map(State.read) ?? .missing
            }
            return if case .read(let tokenizer) = state { tokenizer } else { nil }
        }
        guard let tokenizer, let id = UInt32(exactly: token) else { return "#\(token)" }
        let name = (try? tokenizer.decode([id])) ?? ""
        let written = name.isEmpty || name.contains("\u{FFFD}") ? tokenizer.token(id) ?? "#\(token)" : name
        return written.replacing("\u{0120}", with: " ").replacing("\u{010A}", with: "\n")
    }
}
