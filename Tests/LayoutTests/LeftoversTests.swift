import Artifacts
import Foundation
import Layout
import Testing

struct LeftoversTests {
    private let cache: CacheFolder

    init() throws {
        cache = CacheFolder(path: NSTemporaryDirectory() + "spd-layout-" + UUID().uuidString)
        for folder in [cache.jobs + "/3", cache.runs, cache.targets.path] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
    }

    private func make(_ name: String, age: TimeInterval = 0) throws {
        let path = cache.path + "/" + name
        try Data("x".utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: path)
    }

    /// The leftovers whose owners are gone, relative to the cache.
    private var dead: [String] {
        get throws { try cache.leftovers().filter { try $0.isDead() }.map { cache.relative($0.path) } }
    }

    @Test func aFolderThatIsBeingFilledIsItsOwnersUntilThatIsGone() throws {
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        let aside = try Aside(in: cache.jobs, named: "spd-x")
        #expect(try cache.leftovers().map(\.kind) == [.submission])
        #expect(try dead == [])
        aside.close()
        // As a process leaves it that is killed.
        try make("jobs/.new-spd-x.lock")
        #expect(try dead == ["jobs/.new-spd-x"])
        let left = try #require(try cache.leftovers().first)
        try left.delete { try FileManager.default.removeItem(atPath: left.path) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache.jobs) == ["3"], "its lock goes with it")
    }

    @Test func aLockThatCannotBeTriedIsToldAndNotTakenForHeld() throws {
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        try make("jobs/.new-spd-x")
        // Nobody, root included, can open a folder as a file.
        try FileManager.default.createDirectory(
            atPath: cache.jobs + "/.new-spd-x.lock", withIntermediateDirectories: false)
        let left = try #require(try cache.leftovers().first { $0.path.hasSuffix(".new-spd-x") })
        #expect(throws: FileError.self) { try left.isDead() }
        #expect(throws: FileError.self) { try left.delete { Issue.record("it was deleted") } }
    }

    @Test func whatEarlierVersionsLeftWithoutALockIsLeftAloneForADay() throws {
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        try make("jobs/.new-young", age: 3600)
        try make("targets/.new-old", age: 100_000)
        #expect(try cache.leftovers().count == 2)
        #expect(try dead == ["targets/.new-old"])
    }

    @Test func targetsThatWereNotFinishedAreTheirLocksHolders() throws {
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        for name in ["targets/tms-1.77.tmp", "targets/tms-1.lock", "runs/spd-k3.new", "runs/spd-k3.lock"] {
            try make(name)
        }
        let lock = try #require(try FileLock(path: cache.path + "/targets/tms-1.lock"))
        #expect(try dead == ["runs/spd-k3.new"])
        lock.release()
        #expect(try dead == ["runs/spd-k3.new", "targets/tms-1.77.tmp"])
        #expect(TargetsFolder.isUnfinished("tms-1.77.tmp", of: "tms-1"))
        #expect(!TargetsFolder.isUnfinished("tms-12.77.tmp", of: "tms-1"))
    }

    @Test func everythingElseIsKnownByItsName() throws {
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        for name in [
            "jobs/.old-3-x", "targets/copy-1.damaged-x", "jobs/3/summary.json.12-9.tmp", ".spd-doctor-9", "site.yaml",
            "jobs/3/worker", "runs/abcdefgh", "targets/copy-1", "targets/tms-1",
        ] { try make(name, age: 100_000) }
        try make("squeue-0.json.3-4.tmp")
        #expect(
            try dead == [
                ".spd-doctor-9", "jobs/.old-3-x", "jobs/3/summary.json.12-9.tmp", "targets/copy-1.damaged-x",
            ])
        #expect(try cache.leftovers().count == 5, "a file may be about to get its name")
    }
}
