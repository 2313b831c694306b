import Artifacts
import Glibc
import Synchronization

/// ^C as a flag, so commands stop where nothing is half done.
package enum Interruption {
    private static let presses = Atomic(0)
    private static let echo = SignalEcho()
    /// The press after which the next one ends the program at once.
    private static let last = Atomic(1)

    /// Whether the user has pressed ^C.
    package static var isRequested: Bool { presses.load(ordering: .relaxed) > 0 }

    /// Whether the user has pressed ^C twice, where two are listened for.
    package static var isUrgent: Bool { presses.load(ordering: .relaxed) > 1 }

    /// Makes ^C (and a request to terminate) be noted; the press after these ends the program at once.
    ///
    /// - Parameter count: How many presses mean something.
    package static func listen(for count: Int = 1) {
        last.store(count, ordering: .relaxed)
        for number in [SIGINT, SIGTERM] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                guard !Interruption.echo.isEcho() else { return }
                let presses = Interruption.presses.add(1, ordering: .relaxed).newValue
                guard presses > Interruption.last.load(ordering: .relaxed) else { return }
                signal(number, SIG_DFL)
                raise(number)
            }
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
    }

    /// Throws if the user has pressed ^C.
    package static func check() throws(Failure) {
        if isRequested { throw .interrupted }
    }
}
