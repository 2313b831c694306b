import Glibc
import Synchronization

/// ^C as a flag, so that commands stop where nothing is half done.
enum Interruption {
    private static let flag = Atomic(false)

    /// Whether the user has pressed ^C.
    static var isRequested: Bool { flag.load(ordering: .relaxed) }

    /// Makes ^C (and a request to terminate) set the flag; a second one ends the program at once.
    static func listen() {
        for number in [SIGINT, SIGTERM] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in Interruption.flag.store(true, ordering: .relaxed) }
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
            sigaction(number, &action, nil)
        }
    }

    /// Forgets that ^C was pressed and waits for the next one.
    static func listenAgain() {
        flag.store(false, ordering: .relaxed)
        listen()
    }

    /// Throws if the user has pressed ^C.
    static func check() throws(Failure) {
        if isRequested { throw .interrupted }
    }
}
