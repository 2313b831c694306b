import Glibc

/// Makes a system call, again where a signal has cut it short.
///
/// - Parameter call: The call.
/// - Returns: What it returned; -1 for a failure, which is not that of a signal.
public func uninterrupted<Count: SignedInteger>(_ call: () -> Count) -> Count {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
