import Foundation
import GRDB
import TestFiles
import Testing

@testable import Store

struct FailureTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        try Data().write(to: URL(filePath: folder.path + "/file"))
        let below = folder.path + "/file/cache"
        #expect(throws: StoreError.folder(.notAFolder(path: folder.path + "/file"))) {
            try Store(CacheFolder(path: below))
        }
    }

    @Test func aFileThatIsNoDatabaseIsCalledDamaged() throws {
        try Data(repeating: 7, count: 8192).write(to: URL(filePath: folder.cache.stateFile))
        #expect(
            throws: StoreError.damaged(path: folder.cache.stateFile, detail: "file is not a database")
        ) { try Store(folder.cache) }
    }

    @Test func aFileOfANewerVersionIsLeftAlone() throws {
        let store = try Store(folder.cache)
        try store.write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('leases of the future')")
        }
        #expect(throws: StoreError.createdByNewerVersion(path: folder.cache.stateFile)) {
            try Store(folder.cache)
        }
    }

    @Test func aFullDiskStoresNothing() throws {
        let store = try Store(folder.cache)
        _ = try store.addJob(1)
        try store.write { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(pages + 2)")
        }
        #expect(throws: StoreError.diskFull(path: store.path)) {
            try store.addJob(1000)
        }
        #expect(try store.jobs().map(\.counts.total) == [1])
    }

    @Test func theProcessThatKeepsTheFileLockedIsNamed() async throws {
        let impatient = try Store(folder.cache, patience: .milliseconds(50))
        let path = folder.path
        let sign = path + "/locked"
        try await withThrowingTaskGroup { group in
            group.addTask {
                await #expect(processExitsWith: .success) { [path = path as String, sign = sign as String] in
                    try Store(CacheFolder(path: path)).write { db in
                        try Data("\(getpid())".utf8).write(to: URL(filePath: sign), options: .atomic)
                        while FileManager.default.fileExists(atPath: sign) { usleep(10_000) }
                    }
                }
            }
            while !FileManager.default.fileExists(atPath: sign) { try await Task.sleep(for: .milliseconds(10)) }
            let holder = try String(contentsOfFile: sign, encoding: .utf8)
            let error = #expect(throws: StoreError.self) { try impatient.addJob(1) }
            #expect("\(try #require(error))".contains("state.sqlite stayed locked by process \(holder) ("))
            try FileManager.default.removeItem(atPath: sign)
            try await group.waitForAll()
        }
        _ = try impatient.addJob(1)
    }

    @Test func waitersForALockAreNotItsHolders() {
        let locks = """
            1: POSIX  ADVISORY  WRITE 812 fe:00:4711 120 120
            1: -> POSIX  ADVISORY  WRITE 813 fe:00:4711 120 120
            2: POSIX  ADVISORY  READ 814 fe:00:4711 123 123
            3: FLOCK  ADVISORY  WRITE 815 fe:00:9 0 EOF
            4: OFDLCK ADVISORY  WRITE -1 fe:00:4711 0 EOF
            """
        #expect(LockHolders.pids(in: locks, holding: ["4711", "4712"]) == [812])
    }

    @Test func aLockThatIsNeverGivenBackIsTold() throws {
        let first = try Store(folder.cache)
        let second = try Store(folder.cache, patience: .milliseconds(50))
        try first.write { db in
            try db.execute(sql: "UPDATE job SET folder = ''")
            #expect(throws: StoreError.locked(path: second.path, by: [])) {
                try second.addJob(1)
            }
        }
        _ = try second.addJob(1)
    }

    @Test func lookingAtAMissingStateMakesNothing() throws {
        let cache = CacheFolder(path: folder.path + "/none")
        #expect(try Store.existing(cache) == nil)
        #expect(!FileManager.default.fileExists(atPath: cache.path))
    }

    @Test(arguments: ["", "-wal"])
    func anEmptiedStateFileIsNotTakenForANewOne(withLog companion: String) throws {
        let cache = folder.cache
        try FileManager.default.createDirectory(atPath: cache.jobs + "/12", withIntermediateDirectories: true)
        try Data().write(to: URL(filePath: cache.stateFile))
        if !companion.isEmpty { try Data("x".utf8).write(to: URL(filePath: cache.stateFile + companion)) }
        let error = StoreError.emptied(path: cache.stateFile, jobs: 1)
        #expect(throws: error) { try Store(cache) }
        #expect(throws: error) { try Store.existing(cache) }
    }

    @Test func anotherProgramsDatabaseIsNotTakenForAStateFile() throws {
        let database = try DatabaseQueue(path: folder.cache.stateFile)
        try database.write { try $0.execute(sql: "CREATE TABLE seen (url TEXT)") }
        for open in [{ try Store.existing($0) }, { try Store($0) }, { try Store.existing($0, for: .watching) }] {
            let error = #expect(throws: StoreError.self) { try open(folder.cache) }
            #expect(error?.description.contains("another program's database, with a table 'seen'") == true)
        }
        #expect(try database.read { try $0.tableExists("job") } == false)
    }

    @Test func aStateFileThatIsGoneIsSaidToBe() throws {
        let cache = folder.cache
        try FileManager.default.createDirectory(atPath: cache.jobs + "/1", withIntermediateDirectories: true)
        #expect(throws: StoreError.missing(path: cache.stateFile, jobs: 1)) { try Store.existing(cache) }
        #expect(try Store(cache).jobs().isEmpty, "a submission starts afresh")
    }

    @Test func aStateFileThatWasCutShortIsDamaged() throws {
        do { _ = try Store(folder.cache).addJob(100) }
        let size = try #require(FileManager.default.attributesOfItem(atPath: folder.cache.stateFile)[.size] as? Int)
        truncate(folder.cache.stateFile, size / 8192 * 4096)
        let error = #expect(throws: StoreError.self) { try Store(folder.cache).jobs() }
        guard case .damaged = error else { return #expect(Bool(false), "\(String(describing: error))") }
    }
}
