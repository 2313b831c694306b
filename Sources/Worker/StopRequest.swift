import Glibc
import Synchronization

/// A request to end from outside, as a flag that a run looks at between steps.
enum StopRequest {
    private static let flag = Atomic(false)

    /// Whether a signal has asked this process to end.
    static var isMade: Bool { flag.load(ordering: .relaxed) }

    /// Makes SIGTERM, SIGINT and SIGUSR1 set the flag; a second SIGINT ends the process at once.
    static func listen() {
        for number in [SIGTERM, SIGUSR1, SIGINT] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in StopRequest.flag.store(true, ordering: .relaxed) }
            action.sa_flags = number == SIGINT ? Int32(bitPattern: UInt32(SA_RESETHAND)) : SA_RESTART
            sigaction(number, &action, nil)
        }
    }
}
