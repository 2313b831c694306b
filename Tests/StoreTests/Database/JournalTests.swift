import Foundation
import GRDB
import TestFiles
import Testing

@testable import Store

struct JournalTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(on fileSystem: FileSystem?, isShared: Bool = false, patience: Duration = .seconds(20)) throws
        -> Store
    {
        try Store(
            folder.cache, on: fileSystem, isShared: isShared, patience: patience, now: Timestamp.now)
    }

    private var filesBeside: Set<String> {
        get throws {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            return Set(names.map { $0.replacing("state.sqlite", with: "") })
        }
    }

    @Test func aFileOfOneMachineGetsAWriteAheadLog() throws {
        #expect(try open(on: .ext4).journal == "wal")
        #expect(try open(on: .ext4).journal == "wal")
    }

    @Test func aFileOfSeveralMachinesGetsARollbackJournal() throws {
        #expect(try open(on: .nfs).journal == "persist")
        #expect(try open(on: .nfs).journal == "persist")
    }

    @Test func aFileSystemThatSaysNothingCountsAsANetworks() throws {
        let store = try open(on: nil)
        #expect(store.isOnNetworkFileSystem)
        #expect(try store.journal == "persist")
    }

    @Test func onTheFileServerAFileStaysFitForItsClients() throws {
        #expect(try open(on: .ext4, isShared: true).journal == "persist")
        #expect(try open(on: .ext4).journal == "persist")
        _ = try open(on: .ext4).addJob(3)
        #expect(try open(on: .nfs).jobs().map(\.counts.total) == [3])
        #expect(try open(on: .ext4).journal == "persist")
    }

    @Test func aWriteAheadLogThatCameFromALocalDiskIsTakenInWithoutSharedMemory() async throws {
        let path = folder.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let store = try Store(
                CacheFolder(path: path), on: .ext4, patience: .seconds(20), now: Timestamp.now)
            _ = try store.addJob(50)
            kill(getpid(), SIGKILL)
        }
        #expect(try filesBeside == ["", "-wal", "-shm"], "the job is in the log only")
        try FileManager.default.removeItem(atPath: folder.path + "/state.sqlite-shm")
        let store = try open(on: .nfs)
        #expect(try store.jobs().map(\.counts.total) == [50])
        #expect(try store.journal == "persist")
        #expect(try filesBeside.isSubset(of: ["", "-journal"]))
    }

    @Test func theJournalChangesOnceNobodyElseHasTheFileOpen() throws {
        var local: Store? = try open(on: .ext4)
        _ = try local?.addJob(2)
        let file = folder.cache.stateFile
        #expect(throws: StoreError.usedHere(path: file, by: [])) {
            try open(on: .nfs, patience: .milliseconds(100))
        }
        #expect(LockHolders.users(ofLogged: file, besides: 0).contains { $0.hasPrefix("\(getpid()) (") })
        #expect(try local?.addJob(1) != nil, "whoever has it open is not disturbed")
        local = nil
        #expect(LockHolders.users(ofLogged: file, besides: 0) == [])
        #expect(try open(on: .nfs).jobs().map(\.counts.total) == [2, 1])
    }

    @Test func aChangeThatACrashCutShortIsRolledBackByTheNextMachine() async throws {
        _ = try open(on: .nfs).addJob(1)
        let path = folder.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let store = try Store(
                CacheFolder(path: path), on: .nfs, patience: .seconds(20), now: Timestamp.now)
            try store.write { db in
                try db.execute(sql: "PRAGMA cache_size = 1; UPDATE job SET token = 'torn'")
                try db.execute(sql: "CREATE TABLE spilled AS SELECT zeroblob(300000) AS bytes")
                kill(getpid(), SIGKILL)
            }
        }
        let store = try open(on: .nfs)
        #expect(try store.jobs().map(\.job.token) != ["torn"])
        #expect(try store.read { try !$0.tableExists("spilled") })
    }

    @Test(arguments: [
        (0xEF53, "ext4", true), (0x0102_1994, "tmpfs", true), (0x6969, "NFS", false), (0x0BD0_0BD0, "Lustre", false),
        (0xFF53_4D42, "CIFS", false), (0x6573_5546, "FUSE", false), (0xABCD, "unknown (0xabcd)", false),
    ])
    func fileSystemsAreToldApartByTheirNumbers(magic: UInt32, name: String, isLocal: Bool) {
        let fileSystem = FileSystem(magic: magic)
        #expect(fileSystem.name == name)
        #expect(fileSystem.isLocal == isLocal)
    }

    @Test func theKernelSaysWhichFileSystemItIs() {
        #expect(FileSystem(holding: "/dev/shm") == FileSystem(magic: 0x0102_1994))
        #expect(FileSystem(holding: "/proc")?.isLocal == false)
        #expect(FileSystem(holding: folder.path + "/none") == nil)
    }
}

extension Store {
    fileprivate var journal: String? {
        get throws { try read { try String.fetchOne($0, sql: "PRAGMA journal_mode") } }
    }
}
