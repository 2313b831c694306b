import Glibc
import Synchronization
import TestFiles
import Testing

@testable import Artifacts

@Suite struct FileLockTests {
    @Test func onlyOneHoldsALock() throws {
        let folder = try TemporaryFolder()
        let first = try #require(try FileLock(path: folder("lock")))
        #expect(try FileLock(path: folder("lock")) == nil)
        let other = try #require(try FileLock(path: folder("other")))
        first.release()
        let second = try #require(try FileLock(path: folder("lock")))
        #expect(try FileLock(path: folder("lock")) == nil)
        second.release()
        other.release()
    }

    /// How many hold the lock at the moment.
    private static let holders = Atomic<Int>(0)

    /// Many hold a lock in turns and delete its file each time: never two at once.
    @Test func whoeverDeletesTheFileLetsNoTwoHoldIt() async throws {
        let folder = try TemporaryFolder()
        let path = folder("lock")
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var (taken, together) = (0, 0)
                    while taken < 500 {
                        guard let lock = try FileLock(path: path) else { continue }
                        taken += 1
                        if Self.holders.add(1, ordering: .relaxed).oldValue > 0 { together += 1 }
                        Self.holders.subtract(1, ordering: .relaxed)
                        unlink(path)
                        lock.release()
                    }
                    return together
                }
            }
            for try await together in group { #expect(together == 0) }
        }
    }

    @Test func aLockThatCannotBeMadeIsNamed() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: FileError.self) { try FileLock(path: folder("none/lock")) }
        #expect(error?.description == "cannot create \(folder("none/lock")): No such file or directory")
    }
}
