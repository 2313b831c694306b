import Glibc
import TestFiles
import Testing

@testable import Store

/// Processes of one machine take turns; who gets none changes the state file all the same.
struct TurnsTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Locks the cache's folder as another process in the middle of a change does.
    private func lockFolder() throws -> Int32 {
        let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Taken()
        }
        return descriptor
    }

    private struct Taken: Error {}

    @Test func aTurnIsGivenBackWithTheChange() throws {
        let store = try Store(folder.cache, on: .ext4, patience: .seconds(5), now: Timestamp.now)
        struct Refusal: Error {}
        var isTaken = false
        let change = {
            _ = try store.insertJob(.sample(), specs: []) { _ in
                do { close(try lockFolder()) } catch { isTaken = true }
                throw Refusal()
            }
        }
        #expect(throws: Refusal.self, performing: change)
        #expect(isTaken)
        close(try lockFolder())
    }

    @Test func aProcessThatKeepsItsTurnHoldsNobodyUpForLong() throws {
        let store = try Store(folder.cache, on: .ext4, patience: .seconds(5), now: Timestamp.now)
        let other = try lockFolder()
        defer { close(other) }
        let jobs = try (0..<3).map { _ in try store.addJob(1).id.rawValue }
        #expect(jobs == [1, 2, 3])
    }

    @Test func withARollbackJournalThereAreNoTurns() throws {
        let store = try Store(folder.cache, isShared: true)
        _ = try store.insertJob(.sample(), specs: []) { _ in close(try lockFolder()) }
    }
}
