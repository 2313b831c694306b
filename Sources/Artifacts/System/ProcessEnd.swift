import Glibc

/// How a process has ended, as `waitpid` tells it.
public enum ProcessEnd: Equatable, Sendable {
    /// By itself, with an exit code.
    case exited(code: Int32)
    /// By a signal.
    case signalled(Int32)

    /// Reads what `waitpid` has left of a process that is over.
    public init(status: Int32) {
        // The C library's macros for this are none that Swift sees.
        let signal = status & 0x7F
        self = signal == 0 ? .exited(code: status >> 8 & 0xFF) : .signalled(signal)
    }

    /// The exit code; nil if a signal ended it.
    public var code: Int32? {
        guard case .exited(let code) = self else { return nil }
        return code
    }

    /// What a shell says of it: the exit code, or 128 and the signal's number.
    public var shellStatus: Int32 {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 + signal
        }
    }
}
