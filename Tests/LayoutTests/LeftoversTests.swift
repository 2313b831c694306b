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
        #expect(Aside.isUnfinished("tms-1.77.tmp", of: "tms-1"))
        #expect(!Aside.isUnfinished("tms-12.77.tmp", of: "tms-1"))
    }

    @Test func aDownloadThatWasCutShortIsItsLocksHolders() throws {
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        let place = cache.runs + "/spd-k3"
        let lock = try #require(try FileLock(path: Aside.lock(of: place)))
        let aside = try Aside(for: place)
        #expect(try cache.leftovers().map(\.kind) == [.download])
        #expect(try dead == [])
        lock.release()
        #expect(try dead == [cache.relative(aside.path)])
        try Aside.removeUnfinished(of: place)
        #expect(try cache.leftovers() == [])
    }

    @Test func aWorkerThatAJobWasAboutToGetIsItsOwnersUntilThatIsGone() throws {
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        let job = cache.folder(of: JobID(rawValue: 3))
        let aside = try job.asideForWorker()
        try make(cache.relative(JobFolder(path: aside.path).worker), age: 100_000)
        #expect(try cache.leftovers().map(\.kind) == [.worker])
        #expect(try dead == [])
        aside.close()
        // As a process leaves it that is killed.
        try make(cache.relative(Aside.lock(of: aside.path)))
        #expect(try dead == [cache.relative(aside.path)])
        let left = try #require(try cache.leftovers().first)
        try left.delete { try FileManager.default.removeItem(atPath: left.path) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: job.path) == [], "its lock goes with it")
        // As earlier versions left it.
        try make("jobs/3/worker-6C0A1E4E-0B5B-4E0B-9C57-3D3C3F4C8E11", age: 100_000)
        try make("jobs/3/worker-of-mine", age: 100_000)
        #expect(try dead == ["jobs/3/worker-6C0A1E4E-0B5B-4E0B-9C57-3D3C3F4C8E11"])
    }

    @Test func textWhoseEncodingWasCutShortIsItsLocksHolders() throws {
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        let name = String(repeating: "0123abcd", count: 4)
        let whole = String(repeating: "89abcdef", count: 4)
        for folder in ["\(name).77.tmp", whole] {
            try FileManager.default.createDirectory(
                atPath: "\(cache.tokens)/\(folder)", withIntermediateDirectories: true)
        }
        try make("tokens/\(name).lock")
        let info = "{\"bytes_per_token\": 2, \"tokens_crc32\": 5, \"crc32\": 7}"
        try Data(info.utf8).write(to: URL(filePath: "\(cache.tokens)/\(whole)/info.json"))
        let lock = try #require(try FileLock(path: "\(cache.tokens)/\(name).lock"))
        #expect(try dead == [])
        lock.release()
        #expect(try dead == ["tokens/\(name).77.tmp", "tokens/\(name).lock"])
        for left in try cache.leftovers() { try left.delete { try FileManager.default.removeItem(atPath: left.path) } }
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache.tokens) == [whole])
    }

    @Test func textThatAnEarlierVersionEncodedIsKnownByItsLackOfChecksums() throws {
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        let folder = cache.tokens + "/" + String(repeating: "0123abcd", count: 4)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("{\"documents\": 1, \"bytes_per_token\": 2}".utf8).write(to: URL(filePath: folder + "/info.json"))
        #expect(try cache.leftovers().map(\.kind) == [.earlierTokens])
        #expect(try dead == [], "somebody may have just made it")
        let longAgo = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -100_000)]
        try FileManager.default.setAttributes(longAgo, ofItemAtPath: folder)
        #expect(try dead == [cache.relative(folder)])
    }

    @Test func filesThatNoSnapshotOfTheHubHasAreLeftOver() throws {
        defer { try? FileManager.default.removeItem(atPath: cache.path) }
        let model = cache.hub + "/models--org--name"
        for folder in ["blobs", "snapshots/c0ffee1/data"] {
            try FileManager.default.createDirectory(atPath: model + "/" + folder, withIntermediateDirectories: true)
        }
        for blob in ["aa", "bb", "c0ffee1-17.incomplete"] { try make("hub/models--org--name/blobs/" + blob) }
        try make("hub/models--org--name/.lock")
        try FileManager.default.createSymbolicLink(
            atPath: model + "/snapshots/c0ffee1/data/a", withDestinationPath: "../../../blobs/aa")
        let lock = try #require(try FileLock(path: model + "/.lock"))
        #expect(try dead == [])
        lock.release()
        #expect(try dead == ["bb", "c0ffee1-17.incomplete"].map { "hub/models--org--name/blobs/" + $0 })
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
