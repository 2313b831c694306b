import Glibc

/// Why a run's tracking folder cannot be used.
public enum SpoolError: Error, Equatable {
    case cannotCreate(path: String, reason: String)
    case cannotWrite(path: String, reason: String)
    case cannotRead(path: String, reason: String)
    case damaged(path: String, reason: String)
    case noRun(path: String)
    case superseded(path: String)
}

extension SpoolError: CustomStringConvertible {
    /// One line: what failed on which file, and why.
    public var description: String {
        switch self {
        case .cannotCreate(let path, let reason): "cannot create \(path): \(reason)"
        case .cannotWrite(let path, let reason): "cannot write \(path): \(reason)"
        case .cannotRead(let path, let reason): "cannot read \(path): \(reason)"
        case .damaged(let path, let reason): "\(path) is damaged: \(reason)"
        case .noRun(let path): "\(path) holds no tracked run (it has no run.json)"
        case .superseded(let path): "another attempt of the run writes to \(path) now"
        }
    }

    /// The text of the last failed system call.
    static var systemReason: String { String(cString: strerror(errno)) }
}
