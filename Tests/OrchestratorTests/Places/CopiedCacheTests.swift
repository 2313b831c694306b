import Artifacts
import Foundation
import GRDB
import Layout
import Store
import Testing

@testable import Orchestration
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

    @Test(arguments: ["-al", "-as"]) func aCopyWhoseStateFileIsALinkChangesNothing(kind: String) async throws {
        try await submitUnfinished()
        let made = try await bench.run("/bin/cp", [kind, bench.cache, copy])
        try #require(made.code == 0, "\(made.error)")
        let before = try contents(of: bench.cache)
        for command in [["clean", "1", "--yes"], ["resume", "1"], ["cancel", "1"]] {
            let answer = try await bench.orchestrator(command, adding: inCopy)
            #expect(answer.code == 1)
            #expect(
                answer.error.contains("copy/state.sqlite is the file of the cache in \(bench.cache) by another name"),
                "\(answer.error)")
        }
        #expect(try contents(of: bench.cache) == before)
        #expect(try await bench.orchestrator(["list"]).output.contains("2 of 6"), "the original goes on")
    }

    @Test func ofCachesThatShareAFileNoneIsTakenForTheOneThatWasMoved() async throws {
        try await submitUnfinished()
        let moved = bench.path + "/moved"
        try FileManager.default.moveItem(atPath: bench.cache, toPath: moved)
        _ = try await bench.run("/bin/cp", ["-al", moved, copy])
        let before = try contents(of: moved)
        let answer = try await bench.orchestrator(["clean", "1", "--yes"], adding: inCopy)
        #expect(answer.code == 1)
        #expect(
            answer.error.contains("copy/state.sqlite is the file of the cache in another folder"), "\(answer.error)")
        #expect(try contents(of: moved) == before)
    }

    @Test func anAgentWhoseCacheIsMovedEndsAndTheJobGoesOnAtTheNewPlace() async throws {
        _ = try bench.write(TrainingEndToEndTests.experiment(steps: 100_000), to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        let submit = ["submit", "--experiments", "small.yaml", "--executor", "local", "--n-agents", "1"]
        let answer = try await bench.orchestrator(submit, adding: TrainingEndToEndTests.realWorker)
        #expect(answer.code == 0, "\(answer.error)")
        let job = JobID(rawValue: 1)
        let store = try Store(CacheFolder(path: bench.cache))
        try await eventually(within: .seconds(60)) { try store.snapshot(of: job).runs[0].progress.step > 0 }
        try FileManager.default.moveItem(atPath: bench.cache, toPath: copy)
        try await eventually(within: .seconds(120)) { try store.agents(of: job).allSatisfy { $0.state == .ended } }
        #expect(!FileManager.default.fileExists(atPath: bench.cache), "nothing is made at the former place")
        #expect(try store.snapshot(of: job).runs[0].status == .pending)
        let resume = try await bench.orchestrator(
            ["resume", "1"], adding: TrainingEndToEndTests.realWorker.merging(inCopy) { $1 })
        #expect(resume.code == 0, "\(resume.error)")
        let moved = try Store(CacheFolder(path: copy))
        try await eventually(within: .seconds(300)) { try moved.snapshot(of: job).counts[.done] == 1 }
        let folder = try moved.snapshot(of: job).runs[0].folder.path
        #expect(FileManager.default.fileExists(atPath: folder + "/model_100000.safetensors"))
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
        #expect(answer.error.contains("\(copy) is a copy of \(bench.cache): runs in both have the same W&B ids"))
        let doctor = try await bench.orchestrator(["doctor", "--offline"], adding: inCopy)
        #expect(doctor.output.contains("the cache is a copy of \(bench.cache)"), "\(doctor.output)")
    }

    @Test func aCopyWhoseFilesAreLinksChangesItsOwnAlone() async throws {
        _ = try bench.write(TrainingEndToEndTests.experiment(steps: 100_000), to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        let worker = TrainingEndToEndTests.realWorker
        _ = try await bench.orchestrator(
            ["submit", "--experiments", "small.yaml", "--executor", "local", "--n-agents", "1"], adding: worker)
        let job = JobID(rawValue: 1)
        let store = try Store(CacheFolder(path: bench.cache))
        try await eventually(within: .seconds(60)) { try store.snapshot(of: job).runs[0].progress.step > 0 }
        _ = try await bench.orchestrator(["cancel", "1"], adding: worker)
        try await eventually(within: .seconds(60)) { try store.agents(of: job).allSatisfy { $0.state == .ended } }
        _ = try await bench.orchestrator(["retry", "1"], adding: worker)
        // As a backup is made: what has changed since the last one is copied, the rest is linked.
        _ = try await bench.run("/bin/cp", ["-al", bench.cache, copy])
        for name in try FileManager.default.contentsOfDirectory(atPath: copy) where name.hasPrefix("state.") {
            unlink("\(copy)/\(name)")
            try FileManager.default.copyItem(atPath: "\(bench.cache)/\(name)", toPath: "\(copy)/\(name)")
        }
        let before = try contents(of: bench.cache)
        let resumed = try await bench.orchestrator(["resume", "1", "--watch"], adding: worker.merging(inCopy) { $1 })
        #expect(resumed.code == 0 && resumed.output.contains("1 of 1 done"), "\(resumed.error)")
        #expect(try contents(of: bench.cache) == before)
    }

    @Test func aCopyWhoseRunsAreALinkIntoTheOriginalLeavesThemAlone() async throws {
        try await submitUnfinished()
        try FileManager.default.copyItem(atPath: bench.cache, toPath: copy)
        try FileManager.default.removeItem(atPath: copy + "/runs")
        try FileManager.default.createSymbolicLink(atPath: copy + "/runs", withDestinationPath: bench.cache + "/runs")
        let before = try contents(of: bench.cache)
        let resumed = try await bench.orchestrator(["resume", "1"], adding: inCopy)
        #expect(resumed.code == 1)
        #expect(resumed.error.contains("/runs is a link to \(bench.cache)/runs"), "\(resumed.error)")
        _ = try await bench.orchestrator(["cancel", "1"], adding: inCopy)
        let cleaned = try await bench.orchestrator(["clean", "1", "--yes"], adding: inCopy)
        #expect(cleaned.output.contains("is reached through a link and may be another cache's: left alone."))
        #expect(try contents(of: bench.cache) == before)
    }

    @Test func aJobOfAnEarlierVersionGetsThePresentWorker() async throws {
        try await submitUnfinished()
        try FileManager.default.moveItem(atPath: bench.cache, toPath: copy)
        let worker = copy + "/jobs/1/worker"
        do {
            // A state file as the version before wrote it, with a worker that knows no later one.
            let database = try DatabaseQueue(path: copy + "/state.sqlite")
            try await database.write { db in
                try db.execute(
                    sql: """
                        DROP TABLE place; ALTER TABLE job DROP COLUMN steps_known;
                        UPDATE job SET folder = '\(bench.cache)/jobs/1'; UPDATE run SET folder = '\(bench.cache)/runs/' || id;
                        DELETE FROM grdb_migrations WHERE identifier = 'where the cache lies'
                        """)
            }
            try FileManager.default.removeItem(atPath: worker)
            _ = try bench.writeProgram("echo too old; exit 1", to: "copy/jobs/1/worker")
        }
        let answer = try await bench.orchestrator(["resume", "1", "--watch"], adding: inCopy)
        #expect(answer.code == 0, "\(answer.error)\(answer.output)")
        #expect(answer.error.contains("job 1 was submitted by an earlier version"))
        #expect(!FileManager.default.fileExists(atPath: bench.cache))
    }

    @Test func aPathThatIsNoCacheIsTold() async throws {
        _ = try bench.write("x", to: "file")
        for (value, words) in [
            ("~/x", "its '~' was not expanded"), (bench.path + "/file", "is not a folder"), ("/file\r", "control"),
        ] {
            for arguments in [["list"], ["status"], ["best"], SubmitTests.sweep] {
                let answer = try await bench.orchestrator(arguments, adding: ["SPD_CACHE_DIR": value])
                #expect(answer.code == 2 && answer.error.contains(words), "\(arguments): \(answer.error)")
            }
        }
        for arguments in [["status"], ["status", "--json"], ["status", "--watch"], ["best"]] {
            let answer = try await bench.orchestrator(arguments, adding: ["SPD_CACHE_DIR": bench.path + "/typo"])
            #expect(answer.code == 2, "\(arguments)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.path).sorted() == ["bin", "file", "sweeps"])
    }

    @Test func aSubmissionThatWasKilledIsKnownByItsLock() async throws {
        let folder = bench.cache + "/jobs/.new-spd-abcdefgh"
        _ = try bench.write("half of it", to: "cache/jobs/.new-spd-abcdefgh/worker")
        let lock = try #require(try FileLock(path: folder + ".lock"))
        _ = try await bench.orchestrator(SubmitTests.sweep + ["--watch"])
        let alive = try await bench.orchestrator(["clean", "--yes"])
        #expect(alive.output.contains("1 thing that may be in use, 10 B: left alone."), "\(alive.output)")
        lock.release()
        let dead = try await bench.orchestrator(["clean", "--yes"])
        #expect(dead.output.contains("\(folder): 10 B, a submission that was not finished"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.cache + "/jobs") == ["1"])
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
