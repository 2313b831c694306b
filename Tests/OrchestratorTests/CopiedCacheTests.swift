import Foundation
import Layout
import Store
import Testing

@testable import Orchestrator

/// Caches that were copied, moved or reached through a link: a state file acts on what lies beside it.
struct CopiedCacheTests {
    let bench: Workbench
    let copy: String

    init() throws {
        bench = try Workbench()
        copy = bench.path + "/copy"
        _ = try bench.write(sixSpecs, to: "sweeps/sweep_params.yaml")
    }

    private var inCopy: [String: String] { ["SPD_CACHE_DIR": copy] }

    /// The bytes of everything below a folder, by name.
    private func contents(of folder: String) throws -> [String: Data] {
        let names = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
        let files = names.compactMap { name in
            FileManager.default.contents(atPath: folder + "/" + name).map { (name, $0) }
        }
        return Dictionary(uniqueKeysWithValues: files)
    }

    /// A job whose only agent is gone, in the middle of its third run.
    private func submitUnfinished() async throws {
        let answer = try await bench.orchestrator(
            SubmitTests.sweep, adding: ["STAND_IN_DIE": "2", "STAND_IN_LEASE_MS": "500"])
        #expect(answer.code == 0, "\(answer.error)")
        let store = try Store(CacheFolder(path: bench.cache))
        let job = try store.job(JobID(rawValue: 1))
        while try store.agents(of: job.id).contains(where: { !$0.isGone(in: job) }) {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(try store.snapshot(of: job.id).counts[.done] == 2)
    }

    @Test func cleaningACopyDeletesTheCopysFilesOnly() async throws {
        _ = try await bench.orchestrator(SubmitTests.sweep + ["--watch"])
        try FileManager.default.copyItem(atPath: bench.cache, toPath: copy)
        let before = try contents(of: bench.cache)
        let answer = try await bench.orchestrator(["clean", "1", "--yes"], adding: inCopy)
        #expect(answer.code == 0, "\(answer.error)")
        #expect(try contents(of: bench.cache) == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: copy + "/runs").isEmpty)
        #expect(!FileManager.default.fileExists(atPath: copy + "/jobs/1"))
    }

    @Test func aCopysUnfinishedJobGoesOnInTheCopy() async throws {
        try await submitUnfinished()
        try FileManager.default.copyItem(atPath: bench.cache, toPath: copy)
        let before = try contents(of: bench.cache)
        let answer = try await bench.orchestrator(["resume", "1", "--watch"], adding: inCopy)
        #expect(answer.code == 0, "\(answer.error)")
        #expect(try contents(of: bench.cache) == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: copy + "/runs").count == 6)
        #expect(FileManager.default.fileExists(atPath: copy + "/jobs/1/logs/agent-2.log"))
    }

    @Test func aMovedCacheGoesOn() async throws {
        try await submitUnfinished()
        try FileManager.default.moveItem(atPath: bench.cache, toPath: copy)
        let answer = try await bench.orchestrator(["resume", "1", "--watch"], adding: inCopy)
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.output.contains("6 of 6 done"))
        #expect(!FileManager.default.fileExists(atPath: bench.cache), "nothing is made at the old place")
        #expect(try await bench.orchestrator(["clean", "1", "--yes"], adding: inCopy).code == 0)
    }
}
