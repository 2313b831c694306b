import Artifacts
import Glibc
import Synchronization

/// A request to end from outside, as a flag that runs look at between steps.
enum StopRequest {
    private static let flag = Atomic(0)
    private static let echo = SignalEcho()
    private static let interrupts = Atomic(0)

    /// Who asked.
    enum Kind: Int {
        /// SIGUSR1: the allocation's time is nearly over, and the work continues in another one.
        case timeLimit = 1
        /// SIGTERM or SIGINT: somebody wants this process to end.
        case end = 2
    }

    /// What a signal has asked this process to do; ending takes precedence over the time limit.
    static var kind: Kind? { Kind(rawValue: flag.load(ordering: .relaxed)) }

    /// Whether a signal has asked this process to end.
    static var isMade: Bool { kind != nil }

    /// Makes SIGTERM, SIGINT and SIGUSR1 set the flag; a second SIGINT ends the process at once.
    static func listen() {
        for number in [SIGTERM, SIGUSR1, SIGINT] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                let kind: Kind = number == SIGUSR1 ? .timeLimit : .end
                StopRequest.flag.max(kind.rawValue, ordering: .relaxed)
                guard number == SIGINT, !StopRequest.echo.isEcho() else { return }
                guard StopRequest.interrupts.add(1, ordering: .relaxed).newValue > 1 else { return }
                signal(SIGINT, SIG_DFL)
                raise(SIGINT)
            }
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
    }
}
