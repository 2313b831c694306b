import Artifacts
public import Experiments
import Foundation
import Kernels
import Synchronization

/// Finds out by trial how many concurrent runs, and so how many threads each, use some cores best.
public struct SlotMeasurement {
    /// One way to share the cores, and its speed.
    public struct Trial: Sendable, Equatable, CustomStringConvertible {
        /// How many runs at once.
        public let slots: Int
        /// Threads per run.
        public let threads: Int
        /// Steps of all runs together per second.
        public let stepsPerSecond: Double

        /// For people.
        public var description: String {
            "\(slots) x \(threads) threads: \(String(format: "%.1f", stepsPerSecond)) steps/s together"
        }
    }

    private let target: any RunTarget
    private let config: ExperimentConfig
    private static let duration = Duration.seconds(1)

    /// Prepares to time the steps of `config`; a target that is still to be trained is replaced by a rough one.
    ///
    /// - Parameters:
    ///   - config: What a step computes.
    ///   - target: How its target is trained, if the config says `train:`.
    ///   - copy: The copy of the target's files to read, if the config names files.
    ///   - cache: Where targets are kept.
    /// - Throws: `RunError` for a config that can't be run or does not fit into memory.
    public init(
        config: ExperimentConfig, target: TargetConfig?, copy: String? = nil, cache: TargetCache
    ) throws {
        try MemoryGate.check(RunMemory.bytes(of: config, training: target, threads: 1))
        self.target = try cache.sample(of: config, training: target, copy: copy, threads: 1)
        self.config = config
    }

    /// The trial that finishes this many runs first: what is left of the runs after full rounds leaves cores
    /// idle, all the more the more runs continue at once.
    ///
    /// - Parameters:
    ///   - trials: What was tried.
    ///   - runs: How many runs there are.
    /// - Returns: The best of the trials; of equal ones that with fewer runs at once, whose results come earlier.
    public static func best(of trials: [Trial], runs: Int) -> Trial? {
        func time(_ trial: Trial) -> Double {
            let rounds = (max(runs, 1) + trial.slots - 1) / trial.slots
            return Double(rounds * trial.slots) / max(trial.stepsPerSecond, 1e-9)
        }
        return trials.min { (time($0), $0.slots) < (time($1), $1.slots) }
    }

    /// Tries one run on all cores, then twice as many at a time, up to one per core.
    ///
    /// - Parameters:
    ///   - cores: The cores to share.
    ///   - runs: How many runs there are; more at once are not tried.
    ///   - threads: Threads per run, if that is fixed.
    ///   - megabytes: The memory to share; with more runs than fit into three quarters of it nothing is tried.
    ///   - goesOn: False ends the trials early.
    /// - Returns: What was tried.
    /// - Throws: `KernelError` for losses that are no numbers.
    public func trials(
        cores: Int, runs: Int, threads: Int?, megabytes: Double?, goesOn: () -> Bool
    ) throws -> [Trial] {
        var trials: [Trial] = []
        var slots = 1
        while goesOn() {
            let team = threads ?? max(1, cores / slots)
            let before = StepBenchmark.peakMegabytes
            let speed = try speed(slots: slots, threads: team)
            trials.append(Trial(slots: slots, threads: team, stepsPerSecond: speed))
            let each = max(1, (StepBenchmark.peakMegabytes - before) / Double(slots))
            let next = min(slots * 2, cores / (threads ?? 1), runs)
            guard next > slots else { break }
            if let megabytes, each * Double(next) > 0.75 * megabytes { break }
            slots = next
        }
        return trials
    }

    private func speed(slots: Int, threads: Int) throws -> Double {
        let steps = Mutex((count: 0, seconds: 0.0, error: (any Error)?.none))
        let group = DispatchGroup()
        for _ in 0..<slots {
            let decomposition = try target.decomposition(config, threads: threads)
            // Each thread has its own decomposition.
            nonisolated(unsafe) let mine = decomposition
            group.enter()
            let thread = Thread {
                defer { group.leave() }
                do {
                    try mine.advance(reporting: false)
                    let start = ContinuousClock.now
                    var count = 0
                    repeat {
                        try mine.advance(reporting: false)
                        count += 1
                    } while .now - start < Self.duration
                    let seconds = (ContinuousClock.now - start) / .seconds(1)
                    steps.withLock { $0 = ($0.count + count, $0.seconds + seconds, $0.error) }
                } catch {
                    steps.withLock { $0.error = error }
                }
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.wait()
        let (count, seconds, error) = steps.withLock { $0 }
        if let error { throw error }
        return Double(count) * Double(slots) / max(seconds, 1e-9)
    }
}
