public import Artifacts
import Foundation
import Synchronization

/// Lets runs begin only while their memory is there, so one that does not fit fails on its own and takes neither its
/// agent nor its neighbours along.
public final class MemoryGate: Sendable {
    /// The memory reserved for admitted runs, in bytes.
    private let promised = Mutex<[String: Int]>([:])
    private let limits: @Sendable () -> [MemoryLimit]
    /// How long to wait for memory that others hold.
    private let patience: Duration
    private let threads: Int

    /// A gate for the runs of one process.
    ///
    /// - Parameters:
    ///   - threads: How many threads each run has.
    ///   - patience: How long to wait for memory that other programs on this machine hold.
    ///   - limits: What limits this process's memory, now.
    public init(
        threads: Int, patience: Duration = .seconds(60),
        limits: @escaping @Sendable () -> [MemoryLimit] = MemoryGate.own
    ) {
        (self.threads, self.patience, self.limits) = (threads, patience, limits)
    }

    /// The limits of this process.
    public static let own: @Sendable () -> [MemoryLimit] = {
        MemoryLimit.all(environment: ProcessInfo.processInfo.environment)
    }

    /// Waits until a run fits alongside the others that were let in.
    ///
    /// - Parameters:
    ///   - run: The run's name, under which it leaves.
    ///   - bytes: What it needs.
    ///   - say: Hears what it waits for, once.
    ///   - goesOn: False ends the wait.
    /// - Returns: Whether it was let in; false after `goesOn` has said no.
    /// - Throws: `RunError.invalid` for a run that never fits here, `failed` for one that others leave no room.
    public func enter(
        _ run: String, needing bytes: Int, say: (String) -> Void, goesOn: () -> Bool
    ) throws(RunError) -> Bool {
        let start = ContinuousClock.now
        var hasSaid = false
        while true {
            let limits = limits()
            try Self.check(bytes, threads: threads, limits)
            let isIn = promised.withLock { promised in
                let others = promised.values.reduce(0, +)
                let fits = limits.allSatisfy { limit in
                    let besides = threads * limit.perThread
                    return others + promised.count * besides <= limit.total - besides - bytes
                        && bytes <= limit.free - besides
                }
                if fits { promised[run] = bytes }
                return (fits, others > 0)
            }
            if isIn.0 { return true }
            let tightest = limits.min { $0.free - threads * $0.perThread < $1.free - threads * $1.perThread }
            let obstacle = Self.words(bytes, threads, tightest)
            // What this process's own runs hold comes free when they end.
            if !isIn.1, .now - start > patience { throw .failed(obstacle) }
            if !hasSaid { say(obstacle) }
            hasSaid = true
            let end = ContinuousClock.now + .milliseconds(500)
            while .now < end {
                guard goesOn() else { return false }
                Thread.sleep(forTimeInterval: 0.05)
            }
        }
    }

    /// Records a run's end.
    public func leave(_ run: String) { promised.withLock { $0[run] = nil } }

    /// Refuses what needs more memory than this process may ever take.
    ///
    /// - Throws: `RunError.invalid`.
    public static func check(
        _ bytes: Int?, threads: Int = 1, _ limits: [MemoryLimit] = own()
    ) throws(RunError) {
        let tightest = limits.min { $0.room(threads: threads) < $1.room(threads: threads) }
        guard let bytes, let tightest, bytes > tightest.room(threads: threads) else { return }
        throw .invalid(words(bytes, threads, tightest))
    }

    private static func words(_ bytes: Int, _ threads: Int, _ limit: MemoryLimit?) -> String {
        guard let limit else { return "the run needs \(ByteCount.words(bytes)) of memory" }
        guard limit.perThread == 0 else {
            return "the run needs \(ByteCount.words(bytes)) of memory and, for each of its threads, "
                + "\(ByteCount.words(limit.perThread)) of address space: for \(threads), more than the "
                + "\(ByteCount.words(limit.total)) that ulimit -v leaves this process; fewer threads need less"
        }
        let gigabytes = Int((Double(bytes) * 1.2 / 0x1p30).rounded(.up))
        return "the run needs \(ByteCount.words(bytes)) of memory; \(ByteCount.words(limit.free)) of the "
            + "\(ByteCount.words(limit.total)) of \(limit.owner) are free; on SLURM ask for --mem \(gigabytes)G"
    }
}
