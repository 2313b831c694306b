import Foundation
import Store
import Testing

extension Reliability {
    /// Many agents at once on many specs that take no time: every spec is done by exactly one attempt.
    struct ThroughputTests {
        @Test func eightAgentsDoEverySpecExactlyOnce() async throws {
            _ = try await doShortSpecs(200, agents: 8)
        }

        @Test(Reliability.large, arguments: [false, true])
        func sixtyFourAgentsDoTwoThousandSpecsExactlyOnce(isShared: Bool) async throws {
            let rate = try await doShortSpecs(2000, agents: 64, isShared: isShared)
            let journal = isShared ? "rollback journal, as below SLURM and on network file systems" : "write-ahead log"
            Reliability.figure("64 agents, 2,000 specs, \(journal): \(Int(rate)) claims/s")
        }

        /// Submits specs that do nothing, waits until they are done, and checks that each was done once.
        ///
        /// - Returns: Claims per second, from the first claim to the last result.
        private func doShortSpecs(_ count: Int, agents: Int, isShared: Bool = false) async throws -> Double {
            let bench = try Workbench(adding: ["STAND_IN_STEP_MS": "0", "STAND_IN_REPORTS": "0"])
            let cache = CacheFolder(path: bench.cache)
            let store = try Store(cache, isShared: isShared)
            let seeds = (0..<count).map(String.init).joined(separator: ", ")
            _ = try bench.write("tms_5-2:\n  seed:\n    values: [\(seeds)]\n", to: "sweep.yaml")

            let answer = try await bench.orchestrator([
                "submit", "--experiments", "tms_5-2", "--sweep", "sweep.yaml", "--n-agents", String(agents),
                "--executor", "local",
            ])
            try #require(answer.code == 0, "\(answer.error)")
            let job = JobID(rawValue: 1)
            try await eventually(within: .seconds(300)) { try store.agents(of: job).allSatisfy { $0.state == .ended } }

            let snapshot = try store.snapshot(of: job)
            #expect(snapshot.counts[.done] == count)
            let attempts = try snapshot.runs.flatMap { try store.attempts(at: $0.id) }
            #expect(attempts.count == count, "one attempt per spec")
            #expect(attempts.allSatisfy { $0.outcome == .done && $0.number == 1 })
            #expect(Set(attempts.map(\.agent)).count > 1)
            for run in snapshot.runs {
                #expect(FileManager.default.fileExists(atPath: run.folder.config))
            }
            let first = try #require(attempts.map(\.started).min())
            let last = try #require(attempts.compactMap(\.ended).max())
            return Double(count) / ((last - first) / .seconds(1))
        }
    }
}
