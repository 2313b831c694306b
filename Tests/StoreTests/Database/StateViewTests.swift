import Foundation
import GRDB
import TestFiles
import Testing

@testable import Store

/// Looking at a state file without leaving anything beside it.
struct StateViewTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var view: StateView { StateView(cache: folder.cache, configuration: Configuration()) }

    private func jobs() throws -> Int? { try view.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM job") } }

    private var files: Set<String> {
        get throws { Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) }
    }

    private func store(on fileSystem: FileSystem) throws -> Store {
        try Store(folder.cache, on: fileSystem, patience: .seconds(5), now: Timestamp.now)
    }

    @Test(arguments: [FileSystem.ext4, .nfs]) func whatOthersChangeIsSeen(on fileSystem: FileSystem) throws {
        do {
            let store = try store(on: fileSystem)
            _ = try store.addJob(3)
            let before = try files
            #expect(try jobs() == 1)
            _ = try store.addJob(3)
            #expect(try jobs() == 2)
            #expect(try files == before)
        }
        let before = try files
        #expect(try jobs() == 2)
        #expect(try files == before)
    }

    @Test func aLogWhoseIndexIsGoneIsTakenInElsewhere() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.path as String] in
            let store = try Store(
                CacheFolder(path: path), on: .ext4, patience: .seconds(20), now: Timestamp.now)
            _ = try store.addJob(50)
            kill(getpid(), SIGKILL)
        }
        #expect(try jobs() == 1)
        try FileManager.default.removeItem(atPath: folder.path + "/state.sqlite-shm")
        #expect(try jobs() == 1)
        #expect(try files == ["state.sqlite", "state.sqlite-wal"])
    }

    @Test func aFileOfAnEarlierVersionIsReadAndStaysOne() throws {
        do {
            let store = try store(on: .ext4)
            _ = try store.addJob(1)
            try store.write { db in
                try db.execute(
                    sql: """
                        DROP TABLE place; ALTER TABLE job DROP COLUMN steps_known;
                        DELETE FROM grdb_migrations WHERE identifier = 'where the cache lies'
                        """)
            }
        }
        let before = FileManager.default.contents(atPath: folder.cache.stateFile)
        #expect(try view.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM place") } == 0)
        #expect(FileManager.default.contents(atPath: folder.cache.stateFile) == before)
    }

    @Test func aPathMayHoldAnything() throws {
        let cache = CacheFolder(path: folder.path + "/a ?#%41 ü")
        _ = try Store(cache).addJob(1)
        #expect(
            try StateView(cache: cache, configuration: Configuration()).read {
                try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM job")
            } == 1)
    }
}
