import Artifacts
import Foundation
import Kernels
import Synchronization
import TestFiles
import Testing

@testable import Experiments
@testable import Runs

/// Runs begin only while their memory is there.
struct MemoryGateTests {
    private static let limit = MemoryLimit(total: 4 << 30, free: 4 << 30, owner: "this machine")

    @Test func aRunThatNeverFitsIsRefusedForGood() {
        let gate = MemoryGate(threads: 2) { [Self.limit] }
        let error = #expect(throws: RunError.self) {
            try gate.enter("a", needing: 5 << 30, say: { _ in }, goesOn: { true })
        }
        #expect(
            error
                == .invalid(
                    "the run needs 5.4 GB of memory; 4.3 GB of the 4.3 GB of this machine are free; on SLURM ask for "
                        + "--mem 6G"))
    }

    @Test func runsWaitForEachOther() throws {
        let gate = MemoryGate(threads: 2) { [Self.limit] }
        #expect(try gate.enter("a", needing: 3 << 30, say: { _ in }, goesOn: { true }))
        let said = Mutex<[String]>([])
        let isIn = try gate.enter("b", needing: 2 << 30) { line in
            said.withLock { $0.append(line) }
        } goesOn: {
            gate.leave("a")
            return true
        }
        #expect(isIn)
        #expect(said.withLock { $0.count } == 1)
        #expect(try !gate.enter("c", needing: 3 << 30, say: { _ in }, goesOn: { false }), "it was asked to stop")
    }

    @Test func memoryThatOthersHoldIsWaitedForAWhile() {
        let taken = MemoryLimit(total: 4 << 30, free: 1 << 30, owner: "this machine")
        let gate = MemoryGate(threads: 2, patience: .zero) { [taken] }
        let error = #expect(throws: RunError.self) {
            try gate.enter("a", needing: 2 << 30, say: { _ in }, goesOn: { true })
        }
        if case .failed? = error {} else { Issue.record("\(String(describing: error)) is no cause that may pass") }
    }

    @Test func threadsCountWhereTheyTakeOfTheLimit() throws {
        let limit = MemoryLimit(total: 500 << 20, free: 500 << 20, owner: "ulimit", perThread: 136 << 20)
        let error = #expect(throws: RunError.self) {
            try MemoryGate(threads: 4) { [limit] }.enter("a", needing: 1 << 20, say: { _ in }, goesOn: { true })
        }
        #expect(
            error
                == .invalid(
                    "the run needs 1.0 MB of memory and, for each of its threads, 142.6 MB of address space: for 4, "
                        + "more than the 524.3 MB that ulimit -v leaves this process; fewer threads need less"))
        let gate = MemoryGate(threads: 2) { [limit] }
        #expect(try gate.enter("a", needing: 1 << 20, say: { _ in }, goesOn: { true }))
        #expect(try !gate.enter("b", needing: 1 << 20, say: { _ in }, goesOn: { false }), "it waits for the other")
        gate.leave("a")
        #expect(try gate.enter("b", needing: 1 << 20, say: { _ in }, goesOn: { false }))
    }

    @Test func aRunIsAskedForItsMemoryBeforeAnythingIsAllocated() throws {
        let folder = try TemporaryFolder()
        var plan = try Example.plan(folder)
        plan.config = try plan.config.setting("C", to: .int(2_000_000_000))
        let asked = Mutex(0)
        let error = #expect(throws: RunError.self) {
            try Example.perform(
                plan,
                changing: { hooks in
                    hooks.admit = { (bytes: Int) throws(RunError) in
                        asked.withLock { $0 = bytes }
                        try MemoryGate.check(bytes, [Self.limit])
                        return true
                    }
                })
        }
        #expect(error?.description.contains("of memory") == true)
        #expect(asked.withLock { $0 } > 100 << 30)
    }

    // What is sure to be allocated is counted: between two thirds of it and half as much again.
    @Test(arguments: [("tms_40-10", 20_000), ("resid_mlp2", 1_000)])
    func theEstimateIsNearTheTruth(name: String, subcomponents: Int) throws {
        let experiment = try Registry.experiment(named: name)
        let config = try experiment.config.setting("C", to: .int(subcomponents)).setting("image_freq", to: .null)
            .setting("batch_size", to: .int(64))
        let target = try #require(experiment.target)
        let said = Double(MemoryUse(config, target: target, threads: 1).bytes)
        // What earlier tests have left in this process may go while this is measured, which makes one measurement too small.
        var measured: [Double] = []
        repeat {
            measured.append(try Self.bytesUsed(by: config, target))
        } while measured.count < 3 && !Self.isNear(said, measured[measured.count - 1])
        #expect(Self.isNear(said, measured[measured.count - 1]), "\(said / 1e6) MB for \(measured.map { $0 / 1e6 }) MB")
    }

    private static func isNear(_ said: Double, _ used: Double) -> Bool { said > used * 0.66 && said < used * 1.6 }

    /// How many bytes the process holds more after a step of a decomposition.
    private static func bytesUsed(by config: ExperimentConfig, _ target: TargetConfig) throws -> Double {
        let model = try target.roughTarget(threads: 1)
        let before = try residentBytes()
        let decomposition = try FeatureRunTarget(rough: model, target).decomposition(config, threads: 1)
        try decomposition.advance(reporting: false)
        return try withExtendedLifetime(decomposition.state) { Double(try residentBytes() - before) }
    }

    /// What the process holds, after what it has no more use for was given back.
    static func residentBytes() throws -> Int {
        let symbol = try #require(dlsym(nil, "malloc_trim"))
        _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return (Int(fields[1]) ?? 0) * 4096
    }
}
