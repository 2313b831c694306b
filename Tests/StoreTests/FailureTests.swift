import Foundation
import GRDB
import Testing

@testable import Store

struct FailureTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        try Data().write(to: URL(filePath: folder.path + "/file"))
        let below = folder.path + "/file/cache"
        #expect(throws: StoreError.unwritable(path: below, reason: "\(folder.path)/file is not a folder")) {
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
        _ = try store.addJob(1, in: folder.cache)
        try store.write { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(pages + 2)")
        }
        #expect(throws: StoreError.diskFull(path: store.path)) {
            try store.addJob(1000, in: folder.cache)
        }
        #expect(try store.jobs().map(\.counts.total) == [1])
    }

    @Test func aLockThatIsNeverGivenBackIsTold() throws {
        let first = try Store(folder.cache)
        let second = try Store(folder.cache, patience: .milliseconds(50))
        try first.write { db in
            try db.execute(sql: "UPDATE job SET folder = ''")
            #expect(throws: StoreError.locked(path: second.path)) {
                try second.addJob(1, in: folder.cache)
            }
        }
        _ = try second.addJob(1, in: folder.cache)
    }

    @Test func theJournalSuitsTheFileSystem() throws {
        let file = folder.cache.stateFile
        func mode(_ fileSystem: FileSystem) throws -> String? {
            let store = try Store(file: file, on: fileSystem, patience: .seconds(1), now: Timestamp.now)
            return try store.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
        }
        #expect(try mode(.local) == "wal")
        #expect(try mode(.network) == "delete")
        #expect(try mode(.local) == "wal")
    }

    @Test func fileSystemsAreToldApartByTheirMounts() {
        let mounts = """
            22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
            30 22 0:40 / /home rw shared:5 - nfs4 server:/home rw,vers=4.2
            31 30 0:41 / /home/me/my\\040disk rw - ext4 /dev/sdb1 rw
            32 22 0:42 / /scratch rw master:1 - lustre mds@tcp:/fs rw
            33 22 0:43 / /mnt/remote rw - fuse.sshfs me@host: rw
            34 22 0:44 / /over rw - ext4 /dev/sdc rw
            35 34 0:45 / /over rw - nfs server:/over rw
            """
        let expected: [(String, FileSystem)] = [
            ("/var/x", .local), ("/home", .network), ("/home/me/spd_cache", .network),
            ("/home/me/my disk/x", .local), ("/homeless", .local), ("/scratch/me", .network),
            ("/mnt/remote/a", .network), ("/over/a", .network),
        ]
        for (path, kind) in expected {
            #expect(FileSystem(holding: path, mounts: mounts) == kind, "\(path)")
        }
        #expect(FileSystem(holding: "/x", mounts: "") == .network)
    }

    @Test func lookingAtAMissingStateMakesNothing() throws {
        let cache = CacheFolder(path: folder.path + "/none")
        #expect(try Store.existing(cache) == nil)
        #expect(!FileManager.default.fileExists(atPath: cache.path))
    }

    @Test func theCacheFolderComesFromTheEnvironment() {
        #expect(CacheFolder(environment: ["HOME": "/home/me"]).path == "/home/me/spd_cache")
        #expect(CacheFolder(environment: ["HOME": "/home/me", "SPD_CACHE_DIR": "/x//y/./"]).path == "/x/y")
    }
}
