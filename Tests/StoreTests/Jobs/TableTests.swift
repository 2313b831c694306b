import TestFiles
import Testing

@testable import Store

/// What tables of a job's runs are read from.
struct TableTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(folder.cache)
    }

    /// A job whose runs were claimed in order: every third fails and is claimed again, the others are done.
    private func workedJob(_ count: Int) throws -> Job {
        let job = try store.addJob(count, job: .sample(.local))
        let agent = try store.addAgent(to: job.id)
        var number = 0
        while let claim = try store.claimNext(of: job.id, by: agent, lease: lease) {
            number += 1
            if claim.spec.position % 3 == 0, claim.attempt == 1 {
                try store.fail(claim, error: "once", retry: true)
            } else {
                try store.complete(claim, metrics: ["mmcs": Double(number), "own/\(claim.spec.position % 2)": 1])
            }
        }
        return job
    }

    @Test func runsComeWithTheirConfigsAndAttemptsInTheOrderAskedFor() throws {
        let job = try workedJob(7)
        let runs = try store.snapshot(of: job.id).runs
        let records = try store.records(of: job.id, at: [5, 0, 9, 3])
        #expect(records.map(\.run) == [runs[5], runs[0], runs[3]])
        #expect(records.map(\.config) == [#"{"seed":5}"#, #"{"seed":0}"#, #"{"seed":3}"#])
        for record in records { #expect(try record.attempts == store.attempts(at: record.run.id)) }
        #expect(records.map(\.attempts.count) == [1, 2, 2])
    }

    @Test func theOutlineTellsOfAllRuns() throws {
        let job = try workedJob(4)
        let outline = try store.outline(of: job.id)
        let snapshot = try store.snapshot(of: job.id)
        #expect(outline.job == snapshot.job && outline.agents == snapshot.agents && outline.positions == 0..<4)
        #expect(outline.metrics == ["mmcs", "own/0", "own/1"])
        let none = try store.outline(of: store.addJob(0).id)
        #expect(none.positions.isEmpty && none.metrics.isEmpty)
        #expect(throws: StoreError.self) { try store.outline(of: JobID(rawValue: 9)) }
    }

    @Test func runsComeInTheirOrderWhateverTheirStates() throws {
        let job = try store.addJob(6)
        let agent = try store.addAgent(to: job.id)
        try store.prioritize([store.snapshot(of: job.id).runs[4].id], 1)
        let claim = try #require(try store.claimNext(of: job.id, by: agent, lease: lease))
        try store.complete(claim, metrics: [:])
        _ = try store.claimNext(of: job.id, by: agent, lease: lease)
        let runs = try store.snapshot(of: job.id).runs
        #expect(runs.map(\.status) == [.running, .pending, .pending, .pending, .done, .pending])
        #expect(runs.map(\.overrides) == (0..<6).map { #"[["seed",\#($0)]]"# })
    }

    /// A small job among many runs and a large one are read in different ways.
    @Test(arguments: [3, 60]) func aJobsAttemptsComeByRunAndNumber(count: Int) throws {
        _ = try workedJob(count == 3 ? 60 : 3)
        let job = try workedJob(count)
        let expected = try store.snapshot(of: job.id).runs.flatMap { try store.attempts(at: $0.id) }
        #expect(expected.count == count + (count + 2) / 3)
        #expect(try store.attempts(of: job.id) == expected)
    }
}
