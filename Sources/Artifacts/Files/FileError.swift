import Glibc

/// Why a file could not be read or written.
public struct FileError: Error, Equatable, CustomStringConvertible {
    /// What was attempted.
    public enum Operation: String, Sendable {
        case read
        case write
        case create
    }

    /// What can be done about it.
    public enum Cause: Sendable {
        /// There was no room: the disk or the quota is full.
        case outOfRoom
        /// There is nothing with that name.
        case missing
        /// It was read, and is not what it should be.
        case damage
        /// Anything else, which may pass.
        case other
    }

    /// What was attempted.
    public let operation: Operation
    /// The file or folder.
    public let path: String
    /// The system's words, or ours.
    public let reason: String
    /// What can be done about it.
    public let cause: Cause
    /// The system's number for it; nil for what it did not say.
    public let code: Int32?

    /// Whether there was no room: the disk or the quota is full.
    public var isOutOfRoom: Bool { cause == .outOfRoom }

    /// Creates an error in our words.
    public init(_ operation: Operation, _ path: String, reason: String, cause: Cause = .other) {
        self.operation = operation
        self.path = path
        self.reason = reason
        self.cause = cause
        code = nil
    }

    /// Takes the reason from `errno`.
    public init(_ operation: Operation, _ path: String) { self.init(operation, path, code: errno) }

    /// Takes the reason from one of the system's numbers.
    public init(_ operation: Operation, _ path: String, code: Int32) {
        let elsewhere = "choose another folder (of the cache: SPD_CACHE_DIR)"
        let hint =
            switch code {
            case ENOSPC: "; free some space or \(elsewhere)"
            case EDQUOT: "; your quota is used up: free some space or \(elsewhere)"
            case EACCES, EROFS, EPERM: "; check its permissions or \(elsewhere)"
            default: ""
            }
        self.operation = operation
        self.path = path
        reason = String(cString: strerror(code)) + (operation == .read ? "" : hint)
        cause = code == ENOSPC || code == EDQUOT ? .outOfRoom : code == ENOENT ? .missing : .other
        self.code = code
    }

    /// One readable line.
    public var description: String { "cannot \(operation.rawValue) \(path): \(reason)" }
}
