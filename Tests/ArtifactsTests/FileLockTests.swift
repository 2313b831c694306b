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

    @Test func whoeverWaitsForALockSaysSoOnceAndGetsItOrGivesUp() async throws {
        let folder = try TemporaryFolder()
        let path = folder("lock")
        let first = try #require(try FileLock(path: path))
        var (told, asked) = (0, 0)
        let given = try FileLock.waiting(
            for: path, tell: { told += 1 },
            shouldStop: {
                asked += 1; return asked == 3
            })
        #expect(given == nil)
        #expect((told, asked) == (1, 3))
        #expect(try await FileLock.waiting(for: path, atMost: .milliseconds(200)) {} == nil)
        await #expect(throws: CancellationError.self) {
            try await FileLock.waiting(for: path, atMost: .seconds(60)) { throw CancellationError() }
        }
        // It is given back while it is waited for.
        let second = try #require(
            try FileLock.waiting(for: path) {
                first.release(); return false
            })
        #expect(try FileLock(path: path) == nil)
        second.release()
        let third = try #require(try FileLock.waiting(for: path, tell: { told += 1 }, shouldStop: { true }))
        #expect(told == 1, "a free lock is not waited for")
        third.release()
    }

    @Test func aLockThatCannotBeMadeIsNamed() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: FileError.self) { try FileLock(path: folder("none/lock")) }
        #expect(error?.description == "cannot create \(folder("none/lock")): No such file or directory")
    }
}
