import CLinux
import Glibc

/// The two ends of a pipe, which programs that are started get only where they are given them.
///
/// Both are made so at once: another thread may start a program at any moment, which would hold a pipe open for as long as
/// it runs.
public struct PipeEnds {
    /// Where what was written is read.
    public let exit: Int32
    /// Where it is written.
    public let entry: Int32

    /// Makes a pipe, whose ends are the caller's to close.
    public init() throws(Spawn.Reason) {
        var ends: [Int32] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Spawn.Reason(code: errno) }
        (exit, entry) = (ends[0], ends[1])
    }
}
