/// Why a tokenizer can't be read or used.
public enum TokenizerError: Error, CustomStringConvertible, Equatable {
    /// A file that is missing or can't be read.
    case unreadable(file: String, reason: String)
    /// A place in a file that holds something else than it should.
    case unexpected(file: String, path: String, expected: String, found: String)
    /// A part of a tokenizer that exists, but not here.
    case unsupported(file: String, path: String, part: String, advice: String)
    /// A text that the model has no tokens for, and no token for the unknown either.
    case noUnknownToken(file: String, model: String)
    /// A pattern that needs too many tries on a text.
    case patternTooSlow(file: String, pattern: String, length: Int)

    /// What happened, to what, and what to do.
    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file): \(reason)"
        case .unexpected(let file, let path, let expected, let found):
            "\(file): \(path.isEmpty ? "" : path + ": ")expected \(expected), found \(found)"
        case .unsupported(let file, let path, let part, let advice):
            "\(file): \(path.isEmpty ? "" : path + ": ")\(part) is not supported; \(advice)"
        case .noUnknownToken(let file, let model):
            "\(file): model: the text has characters outside the vocabulary, and this \(model) model names no token for them"
        case .patternTooSlow(let file, let pattern, let length):
            "\(file): the pattern \(pattern) needs too many tries on a text of \(length) bytes"
        }
    }
}
