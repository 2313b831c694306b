import Dispatch
import Glibc

/// Whether this process may start threads: without any, what a program waits for never comes.
public enum SpareThreads {
    /// As many as a command has at work at once, about.
    private static let count = 4

    /// Why the system refuses to start some; nil if it does not.
    public static var refusal: String? {
        let end = Unmanaged.passRetained(DispatchSemaphore(value: 0))
        defer { end.release() }
        var threads: [pthread_t] = []
        var code: Int32 = 0
        for _ in 0..<count where code == 0 {
            var thread = pthread_t()
            code = pthread_create(&thread, nil, Self.wait, end.toOpaque())
            if code == 0 { threads.append(thread) }
        }
        let semaphore = end.takeUnretainedValue()
        for _ in threads { semaphore.signal() }
        for thread in threads { pthread_join(thread, nil) }
        guard code != 0 else { return nil }
        return
            "the system refuses to start \(count) threads (\(String(cString: strerror(code)))): ulimit -u, or the limit "
            + "of the control group, leaves this user no more processes and threads"
    }

    private static let wait: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        if let argument { Unmanaged<DispatchSemaphore>.fromOpaque(argument).takeUnretainedValue().wait() }
        return nil
    }
}
